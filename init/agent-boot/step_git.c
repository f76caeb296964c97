/* The git step: configuration written anew, remotes, branch and identity; the volume's bare
 * repository. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/copy_identity.h"
#include "init/agent-boot/git_config.h"
#include "init/agent-boot/git_directory.h"
#include "init/agent-boot/git_refs.h"
#include "init/agent-boot/git_remotes.h"
#include "init/agent-boot/places.h"
#include "init/agent-boot/signing.h"
#include "init/agent-boot/source.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

/* As agentuser, beneath ROOT, through no link; without fsync: a crash here means that nothing was
 * started. */
static int write_file(int root, const char *path, const char *text, size_t size, struct error *err)
{
    cleanup_fd int fd = path_open_beneath(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        return error_set(err, -fd, "create '%s'", path);
    int result = fd_write_all(fd, text, size);
    return result < 0 ? error_set(err, -result, "write '%s'", path) : 0;
}

static int make_directory(int root, const char *path, struct error *err)
{
    if (mkdirat(root, path, 0777) < 0 && errno != EEXIST)
        return error_set(err, errno, "make directory '%s'", path);
    return 0;
}

static int make_directories(int root, const char *prefix, const char *const *names, size_t count,
                            struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (path_format(path, "%s%s", prefix, names[i]) < 0)
            return error_set(err, ENAMETOOLONG, "make directory '%s'", names[i]);
        int result = make_directory(root, path, err);
        if (result < 0)
            return result;
    }
    return 0;
}

/* refs/heads/a/b/c: the directories of the branch, then the file that is the branch. */
static int write_branch(int root, const char *prefix, const struct manifest *manifest,
                        struct error *err)
{
    char path[PATH_MAX];
    if (path_format(path, "%sHEAD", prefix) < 0)
        return error_set(err, ENAMETOOLONG, "write HEAD");
    char line[PATH_MAX];
    if (path_format(line, "ref: refs/heads/%s\n", manifest->branch) < 0)
        return error_set(err, ENAMETOOLONG, "branch '%s'", manifest->branch);
    int result = write_file(root, path, line, strlen(line), err);
    if (result < 0 || manifest->base_commit[0] == '\0')
        return result;
    if (path_format(path, "%srefs/heads/%s", prefix, manifest->branch) < 0 ||
        path_format(line, "%s\n", manifest->base_commit) < 0)
        return error_set(err, ENAMETOOLONG, "branch '%s'", manifest->branch);
    for (char *at = path + strlen(prefix) + strlen("refs/heads/"); *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        result = make_directory(root, path, err);
        *at = '/';
        if (result < 0)
            return result;
    }
    return write_file(root, path, line, strlen(line), err);
}

struct setting {
    const char *key;
    const char *value;
};

/* clang-format off */
/* Every repository of the copy. The index keeps the source's times, which is all it can keep: inode and
 * change time are the copy's own, and without these two settings git would read every file again. */
static const struct setting common_settings[] = {
    { "core.filemode", "true" },
    { "core.logAllRefUpdates", "true" },
    { "core.checkStat", "minimal" },
    { "core.trustctime", "false" },
};
static const struct setting top_settings[] = {
    { "core.bare", "false" },
    { "remote.local.url", BOOT_LOCAL_REPOSITORY },
    { "remote.local.fetch", "+refs/heads/*:refs/remotes/local/*" },
    { "remote.pushDefault", "local" },
    /* A plain `git push` of the session's branch, which has no upstream, does what people mean. */
    { "push.default", "current" },
};
/* What agents push to: no automatic maintenance between a push and the collection. */
static const struct setting bare_settings[] = {
    { "core.bare", "true" },
    { "gc.auto", "0" },
    { "receive.autogc", "false" },
};
/* clang-format on */

static int add_settings(struct git_config *config, const struct setting *settings, size_t count,
                        struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        int result = git_config_add(config, settings[i].key, settings[i].value, err);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Format version 1 is what makes git honour extensions: gitrepository-layout(5). */
static int add_format(struct git_config *config, const struct manifest *manifest, struct error *err)
{
    bool is_sha1 = strcmp(manifest->object_format, "sha1") == 0;
    int result = git_config_add(config, "core.repositoryformatversion", is_sha1 ? "0" : "1", err);
    if (result == 0 && !is_sha1)
        result = git_config_add(config, "extensions.objectFormat", manifest->object_format, err);
    return result;
}

static int add_source_settings(struct git_config *config,
                               const struct manifest_git_directory *directory, struct error *err)
{
    for (size_t i = 0; i < directory->config_count; i++) {
        int result =
            git_config_add(config, directory->config[i].key, directory->config[i].value, err);
        if (result < 0)
            return result;
    }
    return 0;
}

static int add_identity(struct git_config *config, const struct manifest *manifest,
                        struct error *err)
{
    int result = 0;
    if (manifest->user_name[0] != '\0')
        result = git_config_add(config, "user.name", manifest->user_name, err);
    if (result == 0 && manifest->user_email[0] != '\0')
        result = git_config_add(config, "user.email", manifest->user_email, err);
    return result;
}

static int render_config(const struct manifest *manifest,
                         const struct manifest_git_directory *directory, struct git_config *config,
                         struct error *err)
{
    bool is_top = directory->worktree[0] == '\0';
    int result = add_source_settings(config, directory, err);
    if (result == 0)
        result = add_format(config, manifest, err);
    if (result == 0)
        result = add_settings(config, common_settings, ARRAY_LENGTH(common_settings), err);
    if (result == 0 && is_top)
        result = add_settings(config, top_settings, ARRAY_LENGTH(top_settings), err);
    if (result == 0)
        result = add_identity(config, manifest, err);
    /* The signer knows the commits of this repository, and none of its submodules. */
    if (result == 0 && is_top)
        result = signing_add_settings(config, manifest, err);
    return result;
}

static size_t count_components(const char *path)
{
    size_t count = 1;
    for (; *path != '\0'; path++)
        count += *path == '/' ? 1 : 0;
    return count;
}

/* COUNT times "../", then TAIL. */
static int climb(char text[PATH_MAX], size_t count, const char *tail)
{
    size_t length = count * 3;
    if (length + strlen(tail) >= PATH_MAX)
        return -ENAMETOOLONG;
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * 3, "../", 3);
    memcpy(text + length, tail, strlen(tail) + 1);
    return 0;
}

/* A submodule's work tree and git directory point at each other with relative paths:
 * gitsubmodules(7). */
static int tie_submodule(int workspace, const struct manifest_git_directory *directory,
                         const char *git_path, struct git_config *config, struct error *err)
{
    char up[PATH_MAX];
    char text[PATH_MAX];
    char link[PATH_MAX];
    if (climb(up, count_components(git_path), directory->worktree) < 0)
        return error_set(err, ENAMETOOLONG, "tie the submodule '%s'", directory->worktree);
    int result = git_config_add(config, "core.worktree", up, err);
    if (result < 0)
        return result;
    if (climb(up, count_components(directory->worktree), git_path) < 0 ||
        path_format(text, "gitdir: %s\n", up) < 0 ||
        path_format(link, "%s/.git", directory->worktree) < 0)
        return error_set(err, ENAMETOOLONG, "tie the submodule '%s'", directory->worktree);
    return write_file(workspace, link, text, strlen(text), err);
}

static const char *const git_directories[] = {"objects", "refs", "refs/heads", "refs/tags"};

static int set_up_directory(const struct manifest *manifest, int workspace,
                            const struct manifest_git_directory *directory, struct error *err)
{
    char git_path[PATH_MAX];
    char path[PATH_MAX];
    struct git_config config = {.text = NULL};
    if (git_directory_path(directory, git_path) < 0 || path_format(path, "%s/", git_path) < 0)
        return error_set(err, ENAMETOOLONG, "set up '%s'", directory->name);
    int result =
        make_directories(workspace, path, git_directories, ARRAY_LENGTH(git_directories), err);
    if (result == 0)
        result = render_config(manifest, directory, &config, err);
    if (result == 0 && directory->worktree[0] != '\0')
        result = tie_submodule(workspace, directory, git_path, &config, err);
    if (result == 0 && directory->worktree[0] == '\0')
        result = write_branch(workspace, path, manifest, err);
    if (result == 0 && path_format(path, "%s/config", git_path) == 0)
        result = write_file(workspace, path, config.text, config.size, err);
    free(config.text);
    return result;
}

/* A shallow history stays shallow in the bare repository, else its missing parents look like
 * damage. */
static int copy_shallow(int workspace, int repository, struct error *err)
{
    cleanup_fd int fd = path_open_beneath(workspace, ".git/shallow", O_RDONLY, 0);
    if (fd == -ENOENT)
        return 0;
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = fd < 0 ? fd : fd_read_all(fd, LIMIT_FILE_LIST_BYTES, &text, &size);
    if (result < 0)
        return error_set(err, -result, "read '.git/shallow'");
    return write_file(repository, "shallow", text, size, err);
}

static int set_up_repository(const struct manifest *manifest, int workspace, int repository,
                             struct error *err)
{
    struct git_config config = {.text = NULL};
    int result =
        make_directories(repository, "", git_directories, ARRAY_LENGTH(git_directories), err);
    if (result == 0)
        result = add_format(&config, manifest, err);
    if (result == 0)
        result = add_settings(&config, bare_settings, ARRAY_LENGTH(bare_settings), err);
    if (result == 0)
        result = write_file(repository, "config", config.text, config.size, err);
    if (result == 0)
        result = copy_shallow(workspace, repository, err);
    if (result == 0)
        result = write_branch(repository, "", manifest, err);
    free(config.text);
    return result;
}

/* What holds for any repository, clones that commands make included: git's own file in agentuser's
 * home (git-config(1), FILES). */
static int set_up_home(const struct boot_context *context, struct error *err)
{
    static const char *const directories[] = {".config", ".config/git"};
    struct git_config config = {.text = NULL};
    if (context->git_access == NULL)
        return 0;
    cleanup_fd int home = open(context->agentuser.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (home < 0)
        return error_set(err, errno, "open '%s'", context->agentuser.home);
    int result = git_remotes_add(context->git_access, &config, err);
    if (result == 0)
        result = make_directories(home, "", directories, ARRAY_LENGTH(directories), err);
    if (result == 0)
        result = write_file(home, ".config/git/config", config.text, config.size, err);
    free(config.text);
    return result;
}

static int set_up_all(const struct boot_context *context, struct error *err)
{
    const struct manifest *manifest = context->manifest;
    cleanup_fd int workspace = open(PLACE_VOLUME_WORKSPACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int repository = open(PLACE_VOLUME_REPOSITORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (workspace < 0 || repository < 0)
        return error_set(err, errno, "open the volume's trees");
    struct copy_identity writer = source_writer(context);
    struct copy_identity self = {.uid = 0};
    int result = copy_identity_assume(&writer);
    if (result < 0)
        error_set(err, -result, "act as %s", context->agentuser.name);
    if (result == 0)
        result = make_directory(workspace, ".git", err);
    for (size_t i = 0; result == 0 && i < manifest->git_directory_count; i++)
        result = set_up_directory(manifest, workspace, &manifest->git_directories[i], err);
    if (result == 0)
        result = set_up_repository(manifest, workspace, repository, err);
    if (result == 0)
        result = set_up_home(context, err);
    int back = copy_identity_assume(&self);
    return result == 0 && back < 0 ? error_set(err, -back, "become root again") : result;
}

static int keep_refs(struct error *err)
{
    cleanup_fd int fd =
        open(PLACE_COPIED_REFS, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(err, errno, "create '%s'", PLACE_COPIED_REFS);
    return git_refs_write(PLACE_VOLUME_WORKSPACE "/.git", fd, err);
}

static int mark_copied(struct error *err)
{
    int fd = open(PLACE_COPIED_MARK, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(err, errno, "create '%s'", PLACE_COPIED_MARK);
    close(fd);
    return 0;
}

int git_set_up(struct boot_context *context, struct error *err)
{
    if (context->manifest == NULL || context->manifest->source_kind == MANIFEST_SOURCE_NONE) {
        boot_set_detail(context, "no repository");
        return BOOT_SKIPPED;
    }
    boot_set_detail(context, "%.150s at %.12s", context->manifest->branch,
                    context->manifest->base_commit[0] == '\0' ? "no commit"
                                                              : context->manifest->base_commit);
    if (context->is_restart)
        return 0;
    int result = set_up_all(context, err);
    if (result == 0)
        result = signing_greet(context->manifest, err);
    if (result == 0)
        result = keep_refs(err);
    return result < 0 ? result : mark_copied(err);
}
