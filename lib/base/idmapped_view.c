/* Lays an idmapped clone of a directory over it, by way of a user namespace that exists only for
 * its map. */
#include "lib/base/idmapped_view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"

#define VIEW_ATTRIBUTES \
    (MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* The child that carries the user namespace until its map is written: async-signal-safe calls only.
 */
static void carrier_run(int channel) __attribute__((noreturn));
static void carrier_run(int channel)
{
    int result = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
    char byte;
    ssize_t count;

    do {
        count = write(channel, &result, sizeof(result));
    } while (count < 0 && errno == EINTR);
    /* The parent closes its end when it has what it wants; or it died, which ends this too. */
    while (count == (ssize_t)sizeof(result)) {
        ssize_t got = read(channel, &byte, 1);

        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
    }
    _exit(0);
}

static int carrier_start(pid_t *pid, int *channel, struct error *err)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return error_set(err, errno, "make a socket pair");
    }
    *pid = fork();
    if (*pid == 0) {
        close(ends[0]);
        carrier_run(ends[1]);
    }
    close(ends[1]);
    if (*pid < 0) {
        int saved = errno;

        close(ends[0]);
        return error_set(err, saved, "fork");
    }
    *channel = ends[0];
    return 0;
}

static int carrier_await(int channel, struct error *err)
{
    int result = 0;
    ssize_t count;

    do {
        count = read(channel, &result, sizeof(result));
    } while (count < 0 && errno == EINTR);
    if (count != (ssize_t)sizeof(result)) {
        return error_set(err, EIO, "the child that makes a user namespace died");
    }
    return result == 0 ? 0 : error_set(err, result, "make a user namespace");
}

static void carrier_end(pid_t pid, int channel)
{
    int saved = errno;

    close(channel);
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    errno = saved;
}

/* The map is written by one write(2), as the kernel demands. */
static int write_map(pid_t pid, const char *name, const struct idmapped_view_swap *swap,
                     struct error *err)
{
    char path[PATH_MAX];
    char map[64];
    ssize_t count;
    int length = snprintf(map, sizeof(map), "%u %u 1\n%u %u 1\n", swap->first, swap->second,
                          swap->second, swap->first);
    cleanup_fd int fd = -1;

    path_format(path, "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(err, errno, "open '%s'", path);
    }
    do {
        count = write(fd, map, (size_t)length);
    } while (count < 0 && errno == EINTR);
    if (count != (ssize_t)length) {
        return error_set(err, errno, "write '%s'", path);
    }
    return 0;
}

static int open_user_namespace(pid_t pid, struct error *err)
{
    char path[PATH_MAX];
    int fd;

    path_format(path, "/proc/%d/ns/user", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : error_set(err, errno, "open '%s'", path);
}

/* A user namespace with the swap as its map and nobody in it: the fd (owned by the caller) or
 * -errno. */
static int make_map_namespace(const struct idmapped_view_swap *swap, struct error *err)
{
    pid_t pid = -1;
    int channel = -1;
    int result = carrier_start(&pid, &channel, err);

    if (result < 0) {
        return result;
    }
    result = carrier_await(channel, err);
    if (result == 0) {
        result = write_map(pid, "uid_map", swap, err);
    }
    if (result == 0) {
        result = write_map(pid, "gid_map", swap, err);
    }
    if (result == 0) {
        result = open_user_namespace(pid, err);
    }
    carrier_end(pid, channel);
    return result;
}

/* The clone, attached nowhere: the fd (owned by the caller) or -errno. */
static int make_detached(const char *path, const struct idmapped_view_swap *swap, struct error *err)
{
    cleanup_fd int namespace_fd = make_map_namespace(swap, err);
    cleanup_fd int tree = -1;
    struct mount_attr attributes = {.attr_set = VIEW_ATTRIBUTES, .propagation = MS_PRIVATE};
    int result;

    if (namespace_fd < 0) {
        return namespace_fd;
    }
    tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) {
        return error_set(err, -tree, "clone the mount at '%s'", path);
    }
    attributes.userns_fd = (unsigned int)namespace_fd;
    result = sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attributes);
    if (result < 0) {
        error_set(err, -result, "idmap the mount at '%s'%s", path,
                  result == -EINVAL ? ": its file system cannot be idmapped on this kernel" : "");
        return result;
    }
    return steal_fd(&tree);
}

int idmapped_view_make(const char *path, const struct idmapped_view_swap *swap, struct error *err)
{
    cleanup_fd int tree = make_detached(path, swap, err);
    int result;

    if (tree < 0) {
        return tree;
    }
    result = sys_move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
    if (result < 0) {
        return error_set(err, -result, "mount the idmapped view at '%s'", path);
    }
    return 0;
}

int idmapped_view_probe(const char *path, const struct idmapped_view_swap *swap, struct error *err)
{
    cleanup_fd int tree = make_detached(path, swap, err);

    return tree < 0 ? tree : 0;
}
