/* The data step: memory-backed directories for secrets and agent data; gone, contents first, at
 * shutdown. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/copy_identity.h"
#include "init/agent-boot/identity_of_agent.h"
#include "init/agent-boot/shared.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"

/* Agent data is history and logs; secrets are files of a few kilobytes. Memory counts against the
 * container. */
#define DATA_MOUNT_OPTIONS "mode=0755,size=256m"

/* clang-format off */
static const char *const data_roots[] = {
    "/run/agent-secrets",
    "/run/agent-data",
    "/run/agent-data-export",
};

/* Directories of the terminal: where `connect` finds the attach socket, and the multiplexer's own. */
static const struct { const char *path; mode_t mode; bool is_agents; } terminal_directories[] = {
    { .path = "/run/agent-attach", .mode = 0755, .is_agents = false },
    { .path = "/run/agent-tmux",   .mode = 0700, .is_agents = true },
};
/* clang-format on */

static int make_owned(const char *path, mode_t mode, const struct user *owner, struct error *err)
{
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return error_set(err, errno, "make directory '%s'", path);
    if (owner != NULL && chown(path, owner->uid, owner->gid) < 0)
        return error_set(err, errno, "give '%s' to %s", path, owner->name);
    return 0;
}

/* Unbindable and private: no other mount namespace can take a copy. */
static int mount_root(const char *path, struct error *err)
{
    int result = make_owned(path, 0755, NULL, err);
    if (result < 0)
        return result;
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, DATA_MOUNT_OPTIONS) < 0)
        return error_set(err, errno, "mount tmpfs at '%s'", path);
    if (mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0 ||
        mount(NULL, path, NULL, MS_UNBINDABLE, NULL) < 0)
        return error_set(err, errno, "make '%s' private and unbindable", path);
    return 0;
}

static int make_data_root(const struct boot_context *context, const char *root, struct error *err)
{
    char path[PATH_MAX];
    if (path_format(path, "%s/%s", root, context->manifest->agent) < 0)
        return error_set(err, ENAMETOOLONG, "directory of '%s'", context->manifest->agent);
    int result = mount_root(root, err);
    return result < 0 ? result : make_owned(path, 0700, &context->agentcli, err);
}

int data_make_directories(struct boot_context *context, struct error *err)
{
    if (context->manifest == NULL) {
        boot_set_detail(context, "no session");
        return BOOT_SKIPPED;
    }
    struct user agent;
    int result = identity_of_agent(context->manifest->agent, &agent, err);
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(data_roots); i++)
        result = make_data_root(context, data_roots[i], err);
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(terminal_directories); i++)
        result = make_owned(terminal_directories[i].path, terminal_directories[i].mode,
                            terminal_directories[i].is_agents ? &agent : NULL, err);
    return result == 0 ? shared_make(context, err) : result;
}

/* Every directory in ROOT, whatever its name: a manifest that could not be read again does not keep
 * secrets from being wiped. */
static int empty_directories(const char *root, struct error *err)
{
    cleanup_directory DIR *directory = opendir(root);
    if (directory == NULL)
        return errno == ENOENT ? 0 : error_set(err, errno, "empty '%s'", root);
    int result = 0;
    const struct dirent *entry;
    for (errno = 0; (entry = readdir(directory)) != NULL; errno = 0) {
        char path[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int outcome = path_format(path, "%s/%s", root, entry->d_name);
        outcome = outcome < 0 ? error_set(err, -outcome, "empty '%s'", root)
                              : path_remove_contents(path, err);
        result = result < 0 ? result : outcome;
    }
    return errno == 0 ? result : error_set(err, errno, "empty '%s'", root);
}

/* As the owner of what lies there: root has no power over the files of others. */
static int empty_root(const struct boot_context *context, const char *root, struct error *err)
{
    struct copy_identity owner = {.uid = context->agentcli.uid, .gid = context->agentcli.gid};
    struct copy_identity self = {.uid = 0};
    int result = copy_identity_assume(&owner);
    if (result < 0)
        error_set(err, -result, "act as %s", context->agentcli.name);
    else
        result = empty_directories(root, err);
    int back = copy_identity_assume(&self);
    return back < 0 ? error_set(err, -back, "become root again") : result;
}

/* Emptied first: should the unmount fail, nothing is left behind it. */
static int wipe_root(const struct boot_context *context, const char *root, struct error *err)
{
    int result = empty_root(context, root, err);
    if (umount2(root, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        return error_set(err, errno, "unmount '%s'", root);
    return result;
}

int data_wipe(struct boot_context *context, struct error *err)
{
    if (context->manifest_sha256 == NULL)
        return BOOT_SKIPPED;
    int result = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(data_roots); i++) {
        int outcome = wipe_root(context, data_roots[i], err);
        if (result == 0)
            result = outcome;
    }
    if (result == 0)
        boot_set_detail(context, "wiped");
    return result;
}
