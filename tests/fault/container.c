/* Lays the mounts of a container as an engine does, and takes the shipped privileges on. */
#include "tests/fault/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/seccomp_filter.h"

#define FAILED 125

enum mount_kind { BIND, BIND_READ_ONLY, FILE_SYSTEM };

struct container_mount {
    enum mount_kind kind;
    const char *from; /* NULL: FROM_MEMBER of the session, or the source */
    const char *member;
    const char *to;
    const char *options;
};

/* clang-format off */
static const struct container_mount mounts[] = {
    { .kind = FILE_SYSTEM,    .from = "proc",   .to = "/proc" },
    { .kind = FILE_SYSTEM,    .from = "tmpfs",  .to = "/dev", .options = "mode=755,size=65536k" },
    { .kind = BIND,           .from = "/dev/null",    .to = "/dev/null" },
    { .kind = BIND,           .from = "/dev/zero",    .to = "/dev/zero" },
    { .kind = BIND,           .from = "/dev/full",    .to = "/dev/full" },
    { .kind = BIND,           .from = "/dev/random",  .to = "/dev/random" },
    { .kind = BIND,           .from = "/dev/urandom", .to = "/dev/urandom" },
    { .kind = BIND,           .from = "/dev/tty",     .to = "/dev/tty" },
    { .kind = FILE_SYSTEM,    .from = "devpts", .to = "/dev/pts", .options = "newinstance,ptmxmode=0666,mode=0620" },
    { .kind = FILE_SYSTEM,    .from = "tmpfs",  .to = "/dev/shm", .options = "mode=1777,size=65536k" },
    { .kind = FILE_SYSTEM,    .from = "tmpfs",  .to = "/run",     .options = "mode=0755,size=64m" },
    { .kind = BIND_READ_ONLY, .member = "",         .to = "/tmp/source-repo" },
    { .kind = BIND_READ_ONLY, .member = "host",     .to = "/run/coding-agents/host" },
    { .kind = BIND_READ_ONLY, .member = "sockets",  .to = "/run/coding-agents/sockets" },
    { .kind = BIND,           .member = "volume",   .to = "/run/coding-agents/volume" },
};
/* clang-format on */

static void die(const char *what, const char *name)
{
    dprintf(STDERR_FILENO, "fault: %s %s: %s\n", what, name, strerror(errno));
    _exit(FAILED);
}

static void make_target(const char *from, const char *to, enum mount_kind kind)
{
    struct stat status;
    if (access(to, F_OK) == 0)
        return;
    bool is_file = kind != FILE_SYSTEM && stat(from, &status) == 0 && !S_ISDIR(status.st_mode);
    int fd = is_file ? open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (is_file ? fd < 0 : path_make_directories(to, 0755, NULL) < 0)
        die("make", to);
    cleanup_close(&fd);
}

static void lay(const struct container *container, const struct container_mount *row)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    if (row->from != NULL)
        snprintf(from, sizeof(from), "%s", row->from);
    else if (row->member[0] == '\0')
        snprintf(from, sizeof(from), "%s", container->source);
    else
        snprintf(from, sizeof(from), "%s/%s", container->session, row->member);
    snprintf(to, sizeof(to), "%s%s", container->root, row->to);
    make_target(from, to, row->kind);
    unsigned long flags = row->kind == FILE_SYSTEM ? MS_NOSUID | MS_NODEV : MS_BIND;
    /* The nodes of /dev are bound, so nothing else there needs to be a device. */
    if (mount(from, to, row->kind == FILE_SYSTEM ? row->from : NULL, flags, row->options) < 0)
        die("mount", to);
    if (row->kind == BIND_READ_ONLY &&
        mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        die("make read-only", to);
}

static void make_read_only(const char *path)
{
    if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        die("make read-only", path);
}

static void lay_mounts(const struct container *container)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(container->root, container->root, NULL, MS_BIND, NULL) < 0)
        die("bind", container->root);
    for (size_t i = 0; i < ARRAY_LENGTH(mounts); i++)
        lay(container, &mounts[i]);
    if (chdir(container->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/workspace") < 0)
        die("enter", container->root);
    if (mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL) < 0)
        die("bind", "/proc/sys");
    /* Not every kernel shows its memory there. */
    if (mount("/dev/null", "/proc/kcore", NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
        die("mask", "/proc/kcore");
    make_read_only("/proc/sys");
    make_read_only("/");
}

static void take_privileges(const struct container *container)
{
    for (int capability = 0; capability_is_bounded(capability); capability++) {
        if ((container->capabilities & CAPABILITY_BIT(capability)) == 0 &&
            prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            die("drop", capability_name(capability));
    }
    const struct capability_sets sets = {.effective = container->capabilities,
                                         .permitted = container->capabilities};
    struct error err = ERROR_INITIALIZER;
    if (capability_set(&sets) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        die("limit", "the capabilities");
    if (seccomp_filter_load(container->filter, &err) < 0)
        die("load the filter", error_text(&err));
}

/* The filter's file lies outside, so it is opened before and read through its descriptor. */
static void enter(const struct container *container, int gate)
{
    char byte;
    char filter[64];
    struct container inside = *container;
    int fd = open(container->filter, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(gate, &byte, 1) != 1)
        die("open", container->filter);
    close(gate);
    lay_mounts(container);
    snprintf(filter, sizeof(filter), "/proc/self/fd/%d", fd);
    inside.filter = filter;
    take_privileges(&inside);
    execve(container->argv[0], container->argv, (char **)(uintptr_t)container->variables);
    die("execute", container->argv[0]);
}

pid_t container_start(const struct container *container, int gate)
{
    const unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
                                CLONE_NEWNET | CLONE_NEWCGROUP | SIGCHLD;
    long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (pid == 0)
        enter(container, gate);
    return pid < 0 ? -errno : (pid_t)pid;
}
