/* Builds the root of all sandboxes out of one table, in order, and moves into it. */
#include "sandbox/agent-task-sandbox/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/agent_shared.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "lib/base/users.h"
#include "lib/wire/services.h"
#include "lib/wire/task_protocol.h"
#include "sandbox/agent-task-sandbox/settings.h"

/* Covered in our own namespace only: every container has it, and no sandbox needs what it holds. */
#define STAGE "/run/coding-agents"
/* A few dozen directories and links. */
#define STAGE_OPTIONS "mode=0755,size=256k,nr_inodes=256"

enum root_kind {
    ROOT_DIRECTORY, /* an empty one */
    ROOT_BIND,      /* what lies there in the container, without what is mounted below */
    ROOT_TREE,      /* the same with what is mounted below */
    ROOT_DEVICE,    /* a device node of the container's */
    ROOT_LINK,      /* a symbolic link to TARGET */
    ROOT_AS_FOUND,  /* a link where the image has a link, else a TREE */
};

enum root_flags {
    ROOT_READ_ONLY = 1 << 0,
    ROOT_NO_EXECUTE = 1 << 1,
    ROOT_OPTIONAL = 1 << 2, /* left out where the container has none */
};

struct root_entry {
    const char *path;
    const char *target; /* ROOT_LINK */
    enum root_kind kind;
    unsigned int flags;
};

/* clang-format off */
static const struct root_entry entries[] = {
    {.kind = ROOT_TREE,      .path = "/usr",   .flags = ROOT_READ_ONLY},
    {.kind = ROOT_AS_FOUND,  .path = "/bin",   .flags = ROOT_READ_ONLY},
    {.kind = ROOT_AS_FOUND,  .path = "/sbin",  .flags = ROOT_READ_ONLY},
    {.kind = ROOT_AS_FOUND,  .path = "/lib",   .flags = ROOT_READ_ONLY},
    {.kind = ROOT_AS_FOUND,  .path = "/lib64", .flags = ROOT_READ_ONLY | ROOT_OPTIONAL},
    {.kind = ROOT_TREE,      .path = "/etc",   .flags = ROOT_READ_ONLY},
    {.kind = ROOT_TREE,      .path = "/opt",   .flags = ROOT_READ_ONLY | ROOT_OPTIONAL},

    {.kind = ROOT_TREE,      .path = PLACE_WORKSPACE},
    {.kind = ROOT_TREE,      .path = PLACE_HOME},
    /* Not what the engine mounted below it: the source of the workspace. */
    {.kind = ROOT_BIND,      .path = PLACE_TEMPORARY},

    {.kind = ROOT_BIND,      .path = "/var/lib",   .flags = ROOT_READ_ONLY | ROOT_OPTIONAL},
    {.kind = ROOT_BIND,      .path = PLACE_LOCAL_REPOSITORY, .flags = ROOT_OPTIONAL},
    {.kind = ROOT_BIND,      .path = "/var/cache", .flags = ROOT_READ_ONLY | ROOT_OPTIONAL},
    {.kind = ROOT_LINK,      .path = "/var/tmp",   .target = PLACE_TEMPORARY},
    {.kind = ROOT_LINK,      .path = "/var/run",   .target = "/run"},

    /* A socket is connected to, whatever its mount says about writing. */
    {.kind = ROOT_BIND,      .path = TASK_RUNNER_DIRECTORY, .flags = ROOT_READ_ONLY | ROOT_NO_EXECUTE},
    {.kind = ROOT_BIND,      .path = SERVICES_DIRECTORY, .flags = ROOT_READ_ONLY | ROOT_NO_EXECUTE | ROOT_OPTIONAL},

    /* How many processors there are, and what the container may use. */
    {.kind = ROOT_BIND,      .path = "/sys/devices/system/cpu", .flags = ROOT_READ_ONLY | ROOT_NO_EXECUTE | ROOT_OPTIONAL},
    {.kind = ROOT_TREE,      .path = "/sys/fs/cgroup", .flags = ROOT_READ_ONLY | ROOT_NO_EXECUTE | ROOT_OPTIONAL},

    /* Read-only in each sandbox but those that write it: cage.c. */
    {.kind = ROOT_BIND,      .path = AGENT_SHARED_DIRECTORY, .flags = ROOT_NO_EXECUTE | ROOT_OPTIONAL},

    {.kind = ROOT_DEVICE,    .path = "/dev/null"},
    {.kind = ROOT_DEVICE,    .path = "/dev/zero"},
    {.kind = ROOT_DEVICE,    .path = "/dev/full"},
    {.kind = ROOT_DEVICE,    .path = "/dev/random"},
    {.kind = ROOT_DEVICE,    .path = "/dev/urandom"},
    {.kind = ROOT_DEVICE,    .path = "/dev/tty"},
    {.kind = ROOT_LINK,      .path = "/dev/ptmx",   .target = "pts/ptmx"},
    {.kind = ROOT_LINK,      .path = "/dev/fd",     .target = "/proc/self/fd"},
    {.kind = ROOT_LINK,      .path = "/dev/stdin",  .target = "/proc/self/fd/0"},
    {.kind = ROOT_LINK,      .path = "/dev/stdout", .target = "/proc/self/fd/1"},
    {.kind = ROOT_LINK,      .path = "/dev/stderr", .target = "/proc/self/fd/2"},
    /* Covered by each sandbox with its own. */
    {.kind = ROOT_DIRECTORY, .path = "/dev/pts"},
    {.kind = ROOT_DIRECTORY, .path = "/dev/shm"},
    /* Where the engine maps users the kernel gives one only to who sees one: user_namespaces(7). */
    {.kind = ROOT_BIND,      .path = "/proc",    .flags = ROOT_NO_EXECUTE},
};
/* clang-format on */

static int set_attributes(const char *path, const struct root_entry *entry)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID};

    if (entry->kind != ROOT_DEVICE)
        attributes.attr_set |= MOUNT_ATTR_NODEV;
    if ((entry->flags & ROOT_READ_ONLY) != 0)
        attributes.attr_set |= MOUNT_ATTR_RDONLY;
    if ((entry->flags & ROOT_NO_EXECUTE) != 0)
        attributes.attr_set |= MOUNT_ATTR_NOEXEC;
    return sys_mount_setattr(AT_FDCWD, path, AT_RECURSIVE, &attributes);
}

static int make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    close(fd);
    return 0;
}

static int bind_entry(const struct root_entry *entry, const char *path, struct error *err)
{
    unsigned long flags = MS_BIND | (entry->kind == ROOT_BIND ? 0 : MS_REC);
    int result = 0;

    if (entry->kind == ROOT_DEVICE)
        result = make_file(path);
    else
        result = path_make_directories(path, 0755, err);
    if (result == 0 && mount(entry->path, path, NULL, flags, NULL) < 0)
        result = -errno;
    if (result == 0)
        result = set_attributes(path, entry);
    return result;
}

/* The same link at PATH as the image has. */
static int copy_link(const char *original, const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(original, target, sizeof(target) - 1);

    if (length < 0)
        return -errno;
    target[length] = '\0';
    return symlink(target, path) < 0 ? -errno : 0;
}

static int make_parent(const char *path, struct error *err)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int result = path_format(parent, "%.*s", (int)(slash - path), path);

    return result < 0 ? result : path_make_directories(parent, 0755, err);
}

static int make_entry(const struct root_entry *entry, const char *path, struct error *err)
{
    struct stat found;
    int result = make_parent(path, err);

    if (result < 0 || entry->kind == ROOT_DIRECTORY)
        return result < 0 ? result : path_make_directories(path, 0755, err);
    if (entry->kind == ROOT_LINK)
        return symlink(entry->target, path) < 0 ? -errno : 0;
    if (lstat(entry->path, &found) < 0)
        return errno == ENOENT && (entry->flags & ROOT_OPTIONAL) != 0 ? 0 : -errno;
    if (entry->kind == ROOT_AS_FOUND && S_ISLNK(found.st_mode))
        return copy_link(entry->path, path);
    return bind_entry(entry, path, err);
}

static int fill(struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(entries); i++) {
        char path[PATH_MAX];
        int result = path_format(path, STAGE "%s", entries[i].path);

        if (result == 0)
            result = make_entry(&entries[i], path, err);
        if (result < 0)
            return error_set(err, -result, "put '%s' into the root of sandboxes", entries[i].path);
    }
    return 0;
}

/* The same link as in the home of agentcli, which is nothing but such links here. */
static int link_shared(const struct agent_shared *shared, void *context, struct error *err)
{
    const struct user *agent = context;
    char path[PATH_MAX];
    if (access(shared->directory, F_OK) < 0)
        return 0; /* another agent's */
    int result = path_format(path, STAGE "%s/%s", agent->home, shared->place);
    if (result == 0)
        result = make_parent(path, err);
    if (result == 0 && symlink(shared->directory, path) < 0)
        result = -errno;
    return result < 0 ? error_set(err, -result, "make the link '%s'", shared->place) : 0;
}

static int link_all_shared(struct error *err)
{
    struct user agent;
    if (access(AGENT_SHARED_DIRECTORY, F_OK) < 0)
        return 0; /* no session, or its agent shares nothing */
    int result = users_find(USERS_FILE, "agentcli", &agent, err);
    return result == 0 ? agent_shared_read(AGENT_SHARED_FILE, link_shared, &agent, err) : result;
}

/* pivot_root(2): the new root over the old one, which then lies on top of it and is let go of. */
static int enter(struct error *err)
{
    const struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                     MOUNT_ATTR_NODEV};
    int result = chdir(STAGE) < 0 ? -errno : sys_pivot_root(".", ".");

    if (result == 0 && (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0))
        result = -errno;
    if (result == 0)
        result = sys_mount_setattr(AT_FDCWD, "/", 0, &read_only);
    return result < 0 ? error_set(err, -result, "enter the root of sandboxes") : 0;
}

int root_build(struct error *err)
{
    int result;

    if (unshare(CLONE_NEWNS) < 0)
        return error_set(err, errno, "make a mount namespace");
    /* Nothing that is mounted in a sandbox may travel back, and nothing may come later. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_set(err, errno, "make the mounts private");
    if (mount("sandbox", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, STAGE_OPTIONS) < 0)
        return error_set(err, errno, "mount the root of sandboxes at '%s'", STAGE);
    result = fill(err);
    if (result == 0)
        result = link_all_shared(err);
    return result < 0 ? result : enter(err);
}
