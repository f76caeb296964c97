/* Kernel calls that the C library lacks, with their UAPI fallbacks. The only place with raw
 * syscall(2). */
#ifndef BASE_SYSCALLS_H
#define BASE_SYSCALLS_H

#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct landlock_ruleset_attr;
struct sock_fprog;

/* Each returns what the call returns, or -errno; EINTR is retried where the call can be
 * interrupted. */
int sys_pidfd_open(pid_t pid, unsigned int flags);                              /* Linux 5.3 */
int sys_pidfd_send_signal(int pidfd, int signal, unsigned int flags);           /* Linux 5.1 */
int sys_pidfd_getfd(int pidfd, int fd);                                         /* Linux 5.6 */
int sys_openat2(int dirfd, const char *path, const struct open_how *how);       /* Linux 5.6 */
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags); /* Linux 5.9 */
int sys_open_tree(int dirfd, const char *path, unsigned int flags);             /* Linux 5.2 */
int sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to,
                   unsigned int flags); /* Linux 5.2 */
int sys_mount_setattr(int dirfd, const char *path, unsigned int flags,
                      const struct mount_attr *attributes); /* Linux 5.12 */
/* execve(2) with a sixth argument, at which only a seccomp filter looks. -errno. */
int sys_execve_with(const char *path, char *const *arguments, char *const *environment,
                    uint64_t sixth);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_seccomp(unsigned int operation, unsigned int flags, void *arguments); /* Linux 3.17 */
int sys_landlock_create_ruleset(const struct landlock_ruleset_attr *attributes, size_t size,
                                uint32_t flags); /* Linux 5.13; flags 1 asks for the ABI */
int sys_landlock_add_rule(int ruleset, uint32_t type, const void *attributes); /* Linux 5.13 */
int sys_landlock_restrict_self(int ruleset);                                   /* Linux 5.13 */

/*
 * Asks the scheduler for the processor in slices of SLICE_NS (100 us to 100 ms): who asks for short
 * ones and sleeps much gets it at once when it wakes. sched_setattr(2); Linux 6.12, before it does
 * nothing. 0 or -errno.
 */
int sys_set_slice(uint64_t slice_ns);

/*
 * fork(2) with FLAGS of clone(2), such as new namespaces; with CLONE_PIDFD *PIDFD is owned by the
 * caller. The C library is not told: its atfork handlers do not run, so for programs with one
 * thread only. The pid, 0 in the child, or -errno.
 */
pid_t sys_fork(uint64_t flags, int *pidfd);

/*
 * Gives every signal its default disposition, 32 and 33 included: the C libraries keep these two
 * for themselves and refuse them in sigaction(3), and glibc's posix_spawn leaves them ignored in
 * what it starts. Errors (KILL and STOP) are dropped.
 * One call each: clone3(2)'s CLONE_CLEAR_SIGHAND leaves what is ignored ignored.
 */
void sys_reset_signal_dispositions(void);

/*
 * The credentials of the calling thread alone (the C library's wrappers change every thread). The
 * file system identity decides what open(2) may touch: credentials(7).
 */
int sys_setfsuid(uid_t uid); /* 0, or -EPERM when the change did not take */
int sys_setfsgid(gid_t gid);
int sys_setgroups_thread(size_t count, const gid_t *groups);
int sys_setresuid_thread(uid_t uid);
int sys_setresgid_thread(gid_t gid);

#endif
