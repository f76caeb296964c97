/* The raw system calls, one line each. */
#include "lib/base/syscalls.h"

#include <errno.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result_of(long value)
{
    return value < 0 ? -errno : (int)value;
}

void sys_reset_signal_dispositions(void)
{
    /* The kernel's struct sigaction: handler, flags, restorer and a 64-bit mask, all zero for
     * SIG_DFL. */
    static const unsigned long action[4];
    for (int number = 1; number <= 64; number++)
        (void)syscall(SYS_rt_sigaction, number, action, NULL, sizeof(uint64_t));
}

int sys_pidfd_open(pid_t pid, unsigned int flags)
{
    return result_of(syscall(SYS_pidfd_open, pid, flags));
}

int sys_pidfd_send_signal(int pidfd, int signal, unsigned int flags)
{
    return result_of(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, flags));
}

int sys_pidfd_getfd(int pidfd, int fd)
{
    return result_of(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

int sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
    int fd;
    do
        fd = result_of(syscall(SYS_openat2, dirfd, path, how, sizeof(*how)));
    while (fd == -EINTR);
    return fd;
}

int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
    return result_of(syscall(SYS_close_range, first, last, flags));
}

int sys_execve_with(const char *path, char *const *arguments, char *const *environment,
                    uint64_t sixth)
{
    return result_of(syscall(SYS_execve, path, arguments, environment, 0, 0, sixth));
}

int sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
    return result_of(syscall(SYS_open_tree, dirfd, path, flags));
}

int sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to,
                   unsigned int flags)
{
    return result_of(syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags));
}

int sys_mount_setattr(int dirfd, const char *path, unsigned int flags,
                      const struct mount_attr *attributes)
{
    return result_of(
        syscall(SYS_mount_setattr, dirfd, path, flags, attributes, sizeof(*attributes)));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
    return result_of(syscall(SYS_pivot_root, new_root, put_old));
}

/* linux/sched/types.h, which no C library's headers stand beside. */
struct scheduling {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns;
    uint64_t deadline_ns;
    uint64_t period_ns;
};

int sys_set_slice(uint64_t slice_ns)
{
    struct scheduling scheduling = {.size = sizeof(scheduling),
                                    .nice = getpriority(PRIO_PROCESS, 0), /* as it is */
                                    .runtime_ns = slice_ns};
    return result_of(syscall(SYS_sched_setattr, 0, &scheduling, 0));
}

int sys_seccomp(unsigned int operation, unsigned int flags, void *arguments)
{
    return result_of(syscall(SYS_seccomp, operation, flags, arguments));
}

int sys_landlock_create_ruleset(const struct landlock_ruleset_attr *attributes, size_t size,
                                uint32_t flags)
{
    return result_of(syscall(SYS_landlock_create_ruleset, attributes, size, flags));
}

int sys_landlock_add_rule(int ruleset, uint32_t type, const void *attributes)
{
    return result_of(syscall(SYS_landlock_add_rule, ruleset, type, attributes, 0));
}

int sys_landlock_restrict_self(int ruleset)
{
    return result_of(syscall(SYS_landlock_restrict_self, ruleset, 0));
}

/* clone(2): stack, parent's and child's tid, tls; the same order on x86-64 and arm64 for these. */
pid_t sys_fork(uint64_t flags, int *pidfd)
{
    return result_of(syscall(SYS_clone, flags | SIGCHLD, NULL, pidfd, NULL, NULL));
}

/* setfsuid(2) reports no error: the second call, with an invalid id, tells what is in force. */
int sys_setfsuid(uid_t uid)
{
    setfsuid(uid);
    return (uid_t)setfsuid((uid_t)-1) == uid ? 0 : -EPERM;
}

int sys_setfsgid(gid_t gid)
{
    setfsgid(gid);
    return (gid_t)setfsgid((gid_t)-1) == gid ? 0 : -EPERM;
}

int sys_setgroups_thread(size_t count, const gid_t *groups)
{
    return result_of(syscall(SYS_setgroups, count, groups));
}

int sys_setresuid_thread(uid_t uid)
{
    return result_of(syscall(SYS_setresuid, uid, uid, uid));
}

int sys_setresgid_thread(gid_t gid)
{
    return result_of(syscall(SYS_setresgid, gid, gid, gid));
}
