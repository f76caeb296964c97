/* What the filter of the task runner is to say: expected_calls.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/base/cleanup.h"
#include "tests/unit/policies/expected_table.h"

#define NUMBERS 512 /* more than any kernel has */
/* linux/seccomp.h, newer than that of Debian 12 */
#define NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)

/* clang-format off */
/* All that the task runner does, whatever the arguments. A name that this architecture has not is passed over. */
static const char *const runner_does[] = {
    "epoll_wait", "epoll_pwait", "epoll_ctl", "poll", "ppoll", "timerfd_settime", "timer_settime", "clock_gettime",
    "restart_syscall", "rt_sigreturn", "read", "pread64", "write", "close", "fcntl", "memfd_create", "fstat", "newfstatat",
    "accept4", "connect", "getsockopt", "sendto", "sendmsg", "recvfrom", "recvmsg",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "openat2", "setfsuid",
    "process_vm_readv", "process_vm_writev", "wait4", "kill", "pidfd_open", "pidfd_send_signal", "getpid", "exit_group",
    "brk", "munmap", "mremap",
};

/* What it does with some arguments. */
static const char *const runner_judged[] = {"socket", "openat", "ioctl", "ptrace", "mmap", "mprotect"};

static const struct expected_call runner[] = {
    {"local socket",       SYS_socket, {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0}, 0},
    {"a file",             SYS_openat, {(uint64_t)AT_FDCWD, 0, O_RDWR | O_CLOEXEC | O_NOFOLLOW}, 0},
    {"a name",             SYS_openat, {(uint64_t)AT_FDCWD, 0, O_PATH | O_DIRECTORY}, 0},
    {"a file, high bits",  SYS_openat, {(uint64_t)AT_FDCWD, 0, O_RDONLY | HIGH_BITS}, 0},
    {"a new file",         SYS_openat, {(uint64_t)AT_FDCWD, 0, O_RDWR | O_CREAT}, EPERM},
    {"a new one, high",    SYS_openat, {(uint64_t)AT_FDCWD, 0, O_CREAT | HIGH_BITS}, EPERM},
    {"a nameless file",    SYS_openat, {(uint64_t)AT_FDCWD, 0, O_RDWR | O_TMPFILE}, EPERM},
    {"receive",            SYS_ioctl, {0, SECCOMP_IOCTL_NOTIF_RECV, 0}, 0},
    {"receive, high bits", SYS_ioctl, {0, SECCOMP_IOCTL_NOTIF_RECV | HIGH_BITS, 0}, 0},
    {"ask for an id",      SYS_ioctl, {0, SECCOMP_IOCTL_NOTIF_ID_VALID, 0}, 0},
    {"answer",             SYS_ioctl, {0, SECCOMP_IOCTL_NOTIF_SEND, 0}, 0},
    {"wake up at once",    SYS_ioctl, {0, NOTIF_SET_FLAGS, 0}, 0},
    {"give a descriptor",  SYS_ioctl, {0, SECCOMP_IOCTL_NOTIF_ADDFD, 0}, EPERM},
    {"TIOCSTI",            SYS_ioctl, {0, TIOCSTI, 0}, EPERM},
    {"data",               SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE}, 0},
    {"code",               SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC}, EPERM},
    {"data from now on",   SYS_mprotect, {0, 4096, PROT_READ | PROT_WRITE}, 0},
    {"code from now on",   SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}, EPERM},
};

static const struct expected_range runner_ranges[] = {
    {.name = "socket of family", .number = SYS_socket, .refusal = EPERM, .arguments = {0, SOCK_STREAM, 0}, .end = FAMILIES,
     .allowed = {AF_UNIX}, .allowed_count = 1},
    {.name = "ioctl", .number = SYS_ioctl, .index = 1, .refusal = EPERM, .end = FAMILIES},
    {.name = "ioctl of one bit", .number = SYS_ioctl, .index = 1, .refusal = EPERM, .end = 32, .is_bits = true},
    {.name = "ptrace", .number = SYS_ptrace, .refusal = EPERM, .end = FAMILIES,
     .allowed = {PTRACE_CONT, PTRACE_DETACH}, .allowed_count = 2},
    {.name = "newer ptrace", .number = SYS_ptrace, .refusal = EPERM, .first = PTRACE_SETOPTIONS,
     .end = PTRACE_SETOPTIONS + FAMILIES,
     .allowed = {PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_GETREGSET, PTRACE_SETREGSET, PTRACE_GETSIGMASK, PTRACE_SETSIGMASK,
                 PTRACE_GETEVENTMSG}, .allowed_count = 7},
};
/* clang-format on */

static bool is_named(const char *name, const char *const *names, size_t count)
{
    size_t i = 0;

    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i < count;
}

/* Each call that there is. */
static void add_every_call(struct expected_calls *expected)
{
    for (int number = 0; number < NUMBERS; number++) {
        cleanup_free char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);
        struct expected_call call = {.name = "a call of its own number", .number = number};

        if (name == NULL || is_named(name, runner_judged, ARRAY_LENGTH(runner_judged)))
            continue;
        call.refusal = is_named(name, runner_does, ARRAY_LENGTH(runner_does)) ? 0 : EPERM;
        expected_add(expected, &call);
    }
}

/* Numbers that differ in one bit from one that is let through. */
static void add_neighbours(struct expected_calls *expected)
{
    for (unsigned int bit = 0; bit < 32; bit++) {
        struct expected_call call = {
            .name = "almost receive", .number = SYS_ioctl, .refusal = EPERM};

        call.arguments[1] = SECCOMP_IOCTL_NOTIF_RECV ^ UINT64_C(1) << bit;
        if (call.arguments[1] != SECCOMP_IOCTL_NOTIF_SEND)
            expected_add(expected, &call);
    }
}

void expected_fill_runner(struct expected_calls *expected)
{
    expected->count = 0;
    add_every_call(expected);
    expected_add_all(expected, runner, ARRAY_LENGTH(runner));
    add_neighbours(expected);
    for (size_t i = 0; i < ARRAY_LENGTH(runner_ranges); i++)
        expected_add_range(expected, &runner_ranges[i]);
}
