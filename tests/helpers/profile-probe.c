/* Prints what the kernel answers to calls that a seccomp profile should let through or refuse: NAME
 * ERRNO. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AF_ALG
#define AF_ALG 38
#endif
#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

struct probe {
    const char *name;
    long number;
    long arguments[3];
};

/*
 * Every call here is harmless when it is let through: its arguments are invalid, so that the kernel
 * answers EFAULT, EINVAL, EBADF or the like where the profile would have answered EPERM.
 */
/* clang-format off */
static const struct probe probes[] = {
    {.name = "bpf",               .number = __NR_bpf,               .arguments = {-1, 0, 0}},
    {.name = "perf_event_open",   .number = __NR_perf_event_open,   .arguments = {0, 0, 0}},
    {.name = "keyctl",            .number = __NR_keyctl,            .arguments = {-1, 0, 0}},
    {.name = "userfaultfd",       .number = __NR_userfaultfd,       .arguments = {-1, 0, 0}},
    {.name = "io_uring_setup",    .number = __NR_io_uring_setup,    .arguments = {0, 0, 0}},
    {.name = "kexec_load",        .number = __NR_kexec_load,        .arguments = {0, -1, 0}},
    {.name = "init_module",       .number = __NR_init_module,       .arguments = {0, 0, 0}},
    {.name = "finit_module",      .number = __NR_finit_module,      .arguments = {-1, 0, -1}},
    {.name = "clock_settime",     .number = __NR_clock_settime,     .arguments = {-1, 0, 0}},
    {.name = "settimeofday",      .number = __NR_settimeofday,      .arguments = {-1, 0, 0}},
    {.name = "reboot",            .number = __NR_reboot,            .arguments = {0, 0, 0}},
    {.name = "swapon",            .number = __NR_swapon,            .arguments = {0, 0, 0}},
    {.name = "open_by_handle_at", .number = __NR_open_by_handle_at, .arguments = {-1, 0, 0}},
    {.name = "quotactl",          .number = __NR_quotactl,          .arguments = {-1, 0, 0}},
    {.name = "acct",              .number = __NR_acct,              .arguments = {1, 0, 0}},
    {.name = "fanotify_init",     .number = __NR_fanotify_init,     .arguments = {-1, 0, 0}},
    {.name = "sethostname",       .number = __NR_sethostname,       .arguments = {0, -1, 0}},
    {.name = "clone3",            .number = __NR_clone3,            .arguments = {0, 0, 0}},
    {.name = "socket_alg",        .number = __NR_socket,            .arguments = {AF_ALG, -1, 0}},
    {.name = "socket_vsock",      .number = __NR_socket,            .arguments = {AF_VSOCK, -1, 0}},
    {.name = "socket_packet",     .number = __NR_socket,            .arguments = {AF_PACKET, -1, 0}},
    {.name = "socket_audit",      .number = __NR_socket,            .arguments = {AF_NETLINK, SOCK_RAW, 9}},
    {.name = "socket_unix",       .number = __NR_socket,            .arguments = {AF_UNIX, -1, 0}},
    {.name = "socket_inet",       .number = __NR_socket,            .arguments = {AF_INET, -1, 0}},
    {.name = "socket_route",      .number = __NR_socket,            .arguments = {AF_NETLINK, -1, 0}},
    {.name = "openat2",           .number = __NR_openat2,           .arguments = {-1, 0, 0}},
    {.name = "close_range",       .number = __NR_close_range,       .arguments = {1, 0, 0}},
    {.name = "pidfd_open",        .number = __NR_pidfd_open,        .arguments = {-1, 0, 0}},
    {.name = "open_tree",         .number = __NR_open_tree,         .arguments = {-1, 0, -1}},
    {.name = "unshare",           .number = __NR_unshare,           .arguments = {-1, 0, 0}},
    {.name = "seccomp",           .number = __NR_seccomp,           .arguments = {-1, 0, 0}},
    {.name = "landlock",          .number = __NR_landlock_create_ruleset, .arguments = {0, 0, -1}},
};
/* clang-format on */

static const char *name_of(long result)
{
    if (result >= 0)
        return "ok";
    switch (errno) {
    case EPERM:
        return "EPERM";
    case ENOSYS:
        return "ENOSYS";
    default:
        return "reached";
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        const long *arguments = probes[i].arguments;
        long result = syscall(probes[i].number, arguments[0], arguments[1], arguments[2], 0L, 0L);
        printf("%s %s\n", probes[i].name, name_of(result));
    }
    return 0;
}
