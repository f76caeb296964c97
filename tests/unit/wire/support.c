/* Shared by the tests of lib/wire. */
#include "tests/unit/wire/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fd.h"
#include "lib/base/path.h"

static char *command[] = {(char *)(uintptr_t) "./build.sh", (char *)(uintptr_t) "two words", NULL};
static char *arguments[] = {(char *)(uintptr_t) "10.0", NULL};
static char *alternates[] = {(char *)(uintptr_t) "/tmp/source-alternates/0", NULL};

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void fill_directories(struct manifest *manifest)
{
    static struct manifest_git_config config[2];
    static struct manifest_git_directory directories[2];
    config[0] = (struct manifest_git_config){literal("remote.origin.url"),
                                             literal("https://example.org/x.git")};
    config[1] = (struct manifest_git_config){literal("core.autocrlf"), literal("input")};
    directories[0] = (struct manifest_git_directory){
        .worktree = literal(""),
        .name = literal(""),
        .common_path = literal("/tmp/source-repo/.git"),
        .private_path = literal("/tmp/source-repo/.git"),
        .alternates = alternates,
        .config = config,
        .config_count = 2,
    };
    directories[1] = (struct manifest_git_directory){
        .worktree = literal("vendor/lib"),
        .name = literal("lib"),
        .common_path = literal("/tmp/source-repo/.git/modules/lib"),
        .private_path = literal("/tmp/source-repo/.git/modules/lib"),
    };
    manifest->git_directories = directories;
    manifest->git_directory_count = 2;
}

void support_manifest(struct manifest *manifest)
{
    static struct manifest_setup_hook hooks[1];
    hooks[0] = (struct manifest_setup_hook){literal("dotnet-preview"), arguments};
    *manifest = (struct manifest){
        .session = SUPPORT_SESSION,
        .agent = literal("shell"),
        .name = literal("session-1"),
        .repository_label = literal("project"),
        .mode = MANIFEST_MODE_INTERACTIVE,
        .is_persistent = true,
        .command = command,
        .image = literal("sha256:00"),
        .launcher_version = literal("1.0.0"),
        .stop_grace_ms = 8000,
        .source_kind = MANIFEST_SOURCE_REPOSITORY,
        .read_uid = 1000,
        .read_gid = 1000,
        .read_groups = {27, 999},
        .read_group_count = 2,
        .branch = literal("shell/session-1"),
        .base_commit = literal("0123456789abcdef0123456789abcdef01234567"),
        .object_format = literal("sha1"),
        .user_name = literal("Jane Doe"),
        .user_email = literal("jane@example.org"),
        .commit_enabled = true,
        .push_enabled = true,
        .commit_message = literal(""),
        .setup_hooks = hooks,
        .setup_hook_count = 1,
    };
    memset(manifest->file_list_sha256, 'a', MANIFEST_DIGEST_SIZE - 1);
    static char *trusted[3];
    trusted[0] = literal(".claude/settings.json");
    trusted[1] = literal(".mcp.json");
    manifest->trusted_files = trusted;
    memset(manifest->trusted_sha256, 'b', MANIFEST_DIGEST_SIZE - 1);
    fill_directories(manifest);
}

void support_directory_make(char path[PATH_MAX])
{
    char place[PATH_MAX];
    /* In memory: a disk that is slow to sync would slow a flood below what is counted as one. */
    assert_int_equal(path_format(path, "/dev/shm/wire-test-XXXXXX"), 0);
    assert_non_null(mkdtemp(path));
    setenv("HOME", path, 1);
    assert_int_equal(path_format(place, "%s/state", path), 0);
    setenv("XDG_STATE_HOME", place, 1);
    assert_int_equal(path_format(place, "%s/run", path), 0);
    assert_int_equal(mkdir(place, 0700), 0);
    setenv("XDG_RUNTIME_DIR", place, 1);
}

void support_directory_remove(const char *path)
{
    assert_int_equal(path_remove_tree(AT_FDCWD, path, NULL), 0);
}

char *support_read(const char *path, size_t *size)
{
    struct error err = ERROR_INITIALIZER;
    char *text = NULL;
    assert_int_equal(fd_read_file(AT_FDCWD, path, (size_t)16 << 20, &text, size, &err), 0);
    return text;
}

void support_write(const char *path, const void *data, size_t size)
{
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(fd_write_file(AT_FDCWD, path, data, size, 0600, &err), 0);
}
