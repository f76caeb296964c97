/* The tables of expected_calls.h. */
#include "tests/unit/policies/expected_calls.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "tests/unit/policies/expected_table.h"

#define OPEN_TREE_ATTR 467

/* clang-format off */
static const struct expected_call both[] = {
    {"unshare user",       SYS_unshare, {CLONE_NEWUSER}, EPERM},
    {"unshare mounts",     SYS_unshare, {CLONE_NEWNS}, EPERM},
    {"unshare network",    SYS_unshare, {CLONE_NEWNET}, EPERM},
    {"unshare time",       SYS_unshare, {CLONE_NEWTIME}, EPERM},
    {"unshare among more", SYS_unshare, {CLONE_NEWUSER | CLONE_FS | CLONE_FILES}, EPERM},
    {"unshare files",      SYS_unshare, {CLONE_FILES | CLONE_FS}, 0},
    {"clone user",         SYS_clone, {CLONE_NEWUSER | SIGCHLD}, EPERM},
    {"clone network",      SYS_clone, {CLONE_NEWNET | SIGCHLD}, EPERM},
    {"clone3",             SYS_clone3, {0, 0}, ENOSYS},
    {"setns",              SYS_setns, {(uint64_t)-1, 0}, EPERM},
    {"mount",              SYS_mount, {0, 0, 0}, EPERM},
    {"umount2",            SYS_umount2, {0, 0}, EPERM},
    {"pivot_root",         SYS_pivot_root, {0, 0}, EPERM},
    {"chroot",             SYS_chroot, {0}, EPERM},
    {"open_tree",          SYS_open_tree, {(uint64_t)-1, 0, 0}, EPERM},
    {"open_tree_attr",     OPEN_TREE_ATTR, {(uint64_t)-1, 0, 0}, EPERM},
    {"move_mount",         SYS_move_mount, {(uint64_t)-1, 0, (uint64_t)-1}, EPERM},
    {"fsopen",             SYS_fsopen, {0, 0}, EPERM},
    {"fsconfig",           SYS_fsconfig, {(uint64_t)-1, 99, 0}, EPERM},
    {"fsmount",            SYS_fsmount, {(uint64_t)-1, 0, 0}, EPERM},
    {"fspick",             SYS_fspick, {(uint64_t)-1, 0, 0}, EPERM},
    {"mount_setattr",      SYS_mount_setattr, {(uint64_t)-1, 0, 0}, EPERM},
    {"name_to_handle_at",  SYS_name_to_handle_at, {(uint64_t)-1, 0, 0}, EPERM},
    {"open_by_handle_at",  SYS_open_by_handle_at, {(uint64_t)-1, 0, 0}, EPERM},
    {"bpf",                SYS_bpf, {(uint64_t)-1, 0, 0}, EPERM},
    {"perf_event_open",    SYS_perf_event_open, {0, 0, 0}, EPERM},
    {"io_uring_setup",     SYS_io_uring_setup, {0, 0}, ENOSYS},
    {"io_uring_enter",     SYS_io_uring_enter, {(uint64_t)-1, 0, 0}, ENOSYS},
    {"userfaultfd",        SYS_userfaultfd, {UINT32_MAX}, EPERM},
    {"keyctl",             SYS_keyctl, {9999}, EPERM},
    {"add_key",            SYS_add_key, {0, 0, 0}, EPERM},
    {"request_key",        SYS_request_key, {0, 0, 0}, EPERM},
    {"init_module",        SYS_init_module, {0, 0, 0}, EPERM},
    {"finit_module",       SYS_finit_module, {(uint64_t)-1, 0, 0}, EPERM},
    {"delete_module",      SYS_delete_module, {0, 0}, EPERM},
    {"swapon",             SYS_swapon, {0, 0}, EPERM},
    {"reboot",             SYS_reboot, {0, 0, 0}, EPERM},
    {"acct",               SYS_acct, {1}, EPERM},
    {"quotactl",           SYS_quotactl, {0, 0, 0}, EPERM},
    {"sethostname",        SYS_sethostname, {1, 9999}, EPERM},
    {"settimeofday",       SYS_settimeofday, {1, 0}, EPERM},
    {"clock_settime",      SYS_clock_settime, {9999, 0}, EPERM},
    {"syslog",             SYS_syslog, {9999, 0, 0}, EPERM},
    {"fanotify_init",      SYS_fanotify_init, {UINT32_MAX, 0}, EPERM},
    {"kcmp",               SYS_kcmp, {0, 0, 0}, EPERM},
    {"TIOCSTI",            SYS_ioctl, {(uint64_t)-1, TIOCSTI, 0}, EPERM},
    {"TIOCSTI, high bits", SYS_ioctl, {(uint64_t)-1, TIOCSTI | HIGH_BITS, 0}, EPERM},
    {"TIOCLINUX",          SYS_ioctl, {(uint64_t)-1, TIOCLINUX, 0}, EPERM},
    {"TIOCLINUX, high",    SYS_ioctl, {(uint64_t)-1, TIOCLINUX | HIGH_BITS, 0}, EPERM},
    {"TIOCSETD",           SYS_ioctl, {(uint64_t)-1, TIOCSETD, 0}, EPERM},
    {"TIOCGWINSZ",         SYS_ioctl, {(uint64_t)-1, TIOCGWINSZ, 0}, 0},
    {"unix socket",        SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, 0},
    {"inet socket",        SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}, 0},
    {"inet6 socket",       SYS_socket, {AF_INET6, SOCK_DGRAM, 0}, 0},
    {"route netlink",      SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE}, 0},
    {"audit netlink",      SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT}, EPROTONOSUPPORT},
    {"netlink, high bits", SYS_socket, {AF_NETLINK | HIGH_BITS, SOCK_RAW, NETLINK_KOBJECT_UEVENT | HIGH_BITS}, EPROTONOSUPPORT},
    {"packet socket",      SYS_socket, {AF_PACKET, SOCK_RAW, 0}, EAFNOSUPPORT},
    {"packet, high bits",  SYS_socket, {AF_PACKET | HIGH_BITS, SOCK_RAW, 0}, EAFNOSUPPORT},
    {"unix socketpair",    SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0}, 0},
    {"inet socketpair",    SYS_socketpair, {AF_INET, SOCK_STREAM, 0}, EAFNOSUPPORT},
    {"personality query",  SYS_personality, {UINT32_MAX}, 0},
    {"no randomisation",   SYS_personality, {ADDR_NO_RANDOMIZE}, 0},
    {"executable data",    SYS_personality, {READ_IMPLIES_EXEC}, EPERM},
    {"zero page",          SYS_personality, {MMAP_PAGE_ZERO}, EPERM},
    {"personality, high",  SYS_personality, {READ_IMPLIES_EXEC | HIGH_BITS}, EPERM},
    {"listener",           SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0}, EBUSY},
    {"own filter",         SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, 0}, 0},
#ifdef __x86_64__
    {"iopl",               SYS_iopl, {9999}, EPERM},
    {"modify_ldt",         SYS_modify_ldt, {9999, 0, 0}, EPERM},
#endif
};

static const struct expected_call commands[] = {
    {"ptrace",             SYS_ptrace, {PTRACE_TRACEME, 0, 0}, 0},
    {"process_vm_readv",   SYS_process_vm_readv, {0, 0, 0}, 0},
    {"execve",             SYS_execve, {0, 0, 0}, 0},
};

static const struct expected_call trap[] = {
    {"ptrace",             SYS_ptrace, {PTRACE_TRACEME, 0, 0}, EPERM},
    {"process_vm_readv",   SYS_process_vm_readv, {(uint64_t)-1, 0, 0}, EPERM},
    {"process_vm_writev",  SYS_process_vm_writev, {(uint64_t)-1, 0, 0}, EPERM},
    {"pidfd_getfd",        SYS_pidfd_getfd, {(uint64_t)-1, 0, 0}, EPERM},
    /* Without a listener the kernel answers for it. */
    {"execve",             SYS_execve, {0, 0, 0}, ENOSYS},
    {"execveat",           SYS_execveat, {(uint64_t)-1, 0, 0}, ENOSYS},
};

/* Judged, never made. */
static const struct expected_call both_judged[] = {
    {"unshare cgroup",     SYS_unshare, {CLONE_NEWCGROUP}, EPERM},
    {"unshare uts",        SYS_unshare, {CLONE_NEWUTS}, EPERM},
    {"unshare ipc",        SYS_unshare, {CLONE_NEWIPC}, EPERM},
    {"unshare pid",        SYS_unshare, {CLONE_NEWPID}, EPERM},
    {"unshare, high bits", SYS_unshare, {CLONE_NEWUSER | HIGH_BITS}, EPERM},
    {"clone mounts",       SYS_clone, {CLONE_NEWNS | SIGCHLD}, EPERM},
    {"clone cgroup",       SYS_clone, {CLONE_NEWCGROUP | SIGCHLD}, EPERM},
    {"clone uts",          SYS_clone, {CLONE_NEWUTS | SIGCHLD}, EPERM},
    {"clone ipc",          SYS_clone, {CLONE_NEWIPC | SIGCHLD}, EPERM},
    {"clone pid",          SYS_clone, {CLONE_NEWPID | SIGCHLD}, EPERM},
    {"clone, high bits",   SYS_clone, {CLONE_NEWUSER | SIGCHLD | HIGH_BITS}, EPERM},
    {"fork by clone",      SYS_clone, {SIGCHLD}, 0},
    {"a thread by clone",  SYS_clone, {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD}, 0},
    {"TIOCSETD, high",     SYS_ioctl, {0, TIOCSETD | HIGH_BITS, 0}, EPERM},
    {"TIOCSTI's number",   SYS_ioctl, {TIOCSTI, 0, 0}, 0},
    {"sctp by protocol",   SYS_socket, {AF_INET, SOCK_STREAM, IPPROTO_SCTP}, EPROTONOSUPPORT},
    {"sctp, high bits",    SYS_socket, {AF_INET6, SOCK_STREAM, IPPROTO_SCTP | HIGH_BITS}, EPROTONOSUPPORT},
    {"dccp by protocol",   SYS_socket, {AF_INET, SOCK_STREAM, IPPROTO_DCCP}, EPROTONOSUPPORT},
    {"sctp by type",       SYS_socket, {AF_INET, SOCK_SEQPACKET, 0}, EPROTONOSUPPORT},
    {"sctp, with flags",   SYS_socket, {AF_INET6, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}, EPROTONOSUPPORT},
    {"sctp, high family",  SYS_socket, {AF_INET | HIGH_BITS, SOCK_SEQPACKET, 0}, EPROTONOSUPPORT},
    {"dccp by type",       SYS_socket, {AF_INET, SOCK_DCCP, 0}, EPROTONOSUPPORT},
    {"dccp, with flags",   SYS_socket, {AF_INET6, SOCK_DCCP | SOCK_CLOEXEC, 0}, EPROTONOSUPPORT},
    {"tcp by protocol",    SYS_socket, {AF_INET, SOCK_STREAM, IPPROTO_TCP}, 0},
    {"udp by protocol",    SYS_socket, {AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP}, 0},
    {"local packets",      SYS_socket, {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0}, 0},
    {"local pairs",        SYS_socketpair, {AF_UNIX, SOCK_SEQPACKET, 0}, 0},
    {"pair, high bits",    SYS_socketpair, {AF_INET | HIGH_BITS, SOCK_STREAM, 0}, EAFNOSUPPORT},
    {"PER_LINUX32",        SYS_personality, {PER_LINUX32}, 0},
    {"uname 2.6",          SYS_personality, {UNAME26}, 0},
    {"uname 2.6, 32",      SYS_personality, {UNAME26 | PER_LINUX32}, 0},
    {"listener and more",  SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC, 0}, EBUSY},
    {"listener, high",     SYS_seccomp, {SECCOMP_SET_MODE_FILTER | HIGH_BITS, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0}, EBUSY},
    {"strict mode",        SYS_seccomp, {SECCOMP_SET_MODE_STRICT, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0}, 0},
};

/* The container's own: what it needs, and the edges of its conditions. */
static const struct expected_call container[] = {
    {"local socket",       SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, 0},
    {"inet socket",        SYS_socket, {AF_INET, SOCK_STREAM, 0}, 0},
    {"inet6 socket",       SYS_socket, {AF_INET6, SOCK_DGRAM, 0}, 0},
    {"route netlink",      SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE}, 0},
    {"unix, high bits",    SYS_socket, {AF_UNIX | HIGH_BITS, SOCK_STREAM, 0}, EPERM},
    {"netlink, high bits", SYS_socket, {AF_NETLINK, SOCK_RAW, HIGH_BITS}, EPERM},
    {"local pair",         SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0}, 0},
    {"clone3",             SYS_clone3, {0, 0}, ENOSYS},
    {"clone",              SYS_clone, {CLONE_NEWUSER | SIGCHLD}, 0},
    {"personality query",  SYS_personality, {UINT32_MAX}, 0},
    {"PER_LINUX",          SYS_personality, {PER_LINUX}, 0},
    {"no randomisation",   SYS_personality, {ADDR_NO_RANDOMIZE}, 0},
    {"mount",              SYS_mount, {0, 0, 0}, 0},
    {"seccomp",            SYS_seccomp, {0, 0, 0}, 0},
    {"execve",             SYS_execve, {0, 0, 0}, 0},
};

/* Refused whatever their arguments. A name that this architecture has not is passed over. */
static const struct { const char *name; int refusal; } commands_never[] = {
    {"umount", EPERM}, {"kexec_load", EPERM}, {"kexec_file_load", EPERM}, {"create_module", EPERM},
    {"query_module", EPERM}, {"get_kernel_syms", EPERM}, {"swapoff", EPERM}, {"quotactl_fd", EPERM},
    {"setdomainname", EPERM}, {"stime", EPERM}, {"vhangup", EPERM}, {"nfsservctl", EPERM}, {"_sysctl", EPERM},
    {"lookup_dcookie", EPERM}, {"uselib", EPERM}, {"io_uring_register", ENOSYS}, {"ioperm", EPERM}, {"iopl", EPERM},
    {"modify_ldt", EPERM}, {"vm86", EPERM}, {"vm86old", EPERM},
};

static const char *const container_never[] = {
    /* The kernel's memory, code and counters. */
    "bpf", "perf_event_open", "userfaultfd", "memfd_secret", "init_module", "finit_module", "delete_module", "create_module",
    "query_module", "get_kernel_syms", "kexec_load", "kexec_file_load", "kcmp", "syslog", "lookup_dcookie",
    /* Rings do what system calls do, past every filter. */
    "io_uring_setup", "io_uring_enter", "io_uring_register",
    /* Key rings, which no namespace divides. */
    "add_key", "request_key", "keyctl",
    /* The machine. */
    "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "sethostname", "setdomainname", "settimeofday",
    "clock_settime", "clock_adjtime", "adjtimex", "stime", "vhangup", "nfsservctl", "_sysctl", "sysfs", "ustat", "uselib",
    "iopl", "ioperm", "modify_ldt", "set_thread_area", "get_thread_area", "vm86", "vm86old",
    /* Past the directories that would refuse, or over a whole file system. */
    "open_by_handle_at", "name_to_handle_at", "fanotify_init", "fanotify_mark", "chroot",
    /* Mounts in the new style but for those of idmapped views. */
    "fsopen", "fsconfig", "fsmount", "fspick", "umount",
    /* Memory of others and of its placement. */
    "process_madvise", "process_mrelease", "migrate_pages", "move_pages", "mbind", "get_mempolicy", "set_mempolicy",
    "set_mempolicy_home_node", "remap_file_pages", "map_shadow_stack",
    /* Never implemented, or gone. */
    "afs_syscall", "epoll_ctl_old", "epoll_wait_old", "getpmsg", "putpmsg", "security", "tuxcall", "vserver",
    /* New: nothing needs them yet. */
    "cachestat", "fchmodat2", "futex_wait", "futex_wake", "futex_requeue",
};

static const struct expected_range both_ranges[] = {
    {.name = "socket of family", .number = SYS_socket, .refusal = EAFNOSUPPORT, .arguments = {0, SOCK_STREAM, 0}, .end = FAMILIES,
     .allowed = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}, .allowed_count = 4},
    {.name = "netlink of protocol", .number = SYS_socket, .index = 2, .refusal = EPROTONOSUPPORT,
     .arguments = {AF_NETLINK, SOCK_RAW, 0}, .end = FAMILIES, .allowed = {NETLINK_ROUTE}, .allowed_count = 1},
    {.name = "pair of family", .number = SYS_socketpair, .refusal = EAFNOSUPPORT, .arguments = {0, SOCK_STREAM, 0}, .end = FAMILIES,
     .allowed = {AF_UNIX}, .allowed_count = 1},
    {.name = "personality bit", .number = SYS_personality, .refusal = EPERM, .end = 32, .is_bits = true,
     .allowed = {PER_LINUX32, UNAME26, ADDR_NO_RANDOMIZE}, .allowed_count = 3},
    {.name = "personality", .number = SYS_personality, .refusal = EPERM, .end = FAMILIES,
     .allowed = {PER_LINUX, PER_LINUX32}, .allowed_count = 2},
};

static const struct expected_range container_ranges[] = {
    {.name = "socket of family", .number = SYS_socket, .refusal = EPERM, .arguments = {0, SOCK_STREAM, 0}, .end = FAMILIES,
     .allowed = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}, .allowed_count = 4},
    {.name = "netlink of protocol", .number = SYS_socket, .index = 2, .refusal = EPERM, .arguments = {AF_NETLINK, SOCK_RAW, 0},
     .end = FAMILIES, .allowed = {NETLINK_ROUTE}, .allowed_count = 1},
    {.name = "pair of family", .number = SYS_socketpair, .refusal = EPERM, .arguments = {0, SOCK_STREAM, 0}, .end = FAMILIES,
     .allowed = {AF_UNIX}, .allowed_count = 1},
    {.name = "personality bit", .number = SYS_personality, .refusal = EPERM, .end = 32, .is_bits = true,
     .allowed = {ADDR_NO_RANDOMIZE}, .allowed_count = 1},
};
/* clang-format on */

const struct expected_table expected_of_both = {both, ARRAY_LENGTH(both)};
const struct expected_table expected_of_commands = {commands, ARRAY_LENGTH(commands)};
const struct expected_table expected_of_the_trap = {trap, ARRAY_LENGTH(trap)};

void expected_add(struct expected_calls *expected, const struct expected_call *call)
{
    assert_true(expected->count < EXPECTED_CALLS_MAX);
    expected->calls[expected->count++] = *call;
}

void expected_add_all(struct expected_calls *expected, const struct expected_call *calls,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        expected_add(expected, &calls[i]);
}

static bool is_allowed(const struct expected_range *range, uint64_t value)
{
    for (size_t i = 0; i < range->allowed_count; i++) {
        if (range->allowed[i] == value)
            return true;
    }
    return false;
}

void expected_add_range(struct expected_calls *expected, const struct expected_range *range)
{
    for (uint64_t i = range->first; i < range->end; i++) {
        uint64_t value = range->is_bits ? UINT64_C(1) << i : i;
        struct expected_call call = {.name = range->name, .number = range->number};

        memcpy(call.arguments, range->arguments, sizeof(call.arguments));
        call.arguments[range->index] = value;
        call.refusal = is_allowed(range, value) ? 0 : range->refusal;
        expected_add(expected, &call);
    }
}

static void add_name(struct expected_calls *expected, const char *name, int refusal)
{
    struct expected_call call = {
        .name = name, .number = seccomp_syscall_resolve_name(name), .refusal = refusal};

    assert_int_not_equal(call.number, __NR_SCMP_ERROR);
    if (call.number >= 0)
        expected_add(expected, &call);
}

static void fill_both(struct expected_calls *expected)
{
    expected->count = 0;
    expected_add_all(expected, both, ARRAY_LENGTH(both));
    expected_add_all(expected, both_judged, ARRAY_LENGTH(both_judged));
    for (size_t i = 0; i < ARRAY_LENGTH(commands_never); i++)
        add_name(expected, commands_never[i].name, commands_never[i].refusal);
    for (size_t i = 0; i < ARRAY_LENGTH(both_ranges); i++)
        expected_add_range(expected, &both_ranges[i]);
}

void expected_fill_command(struct expected_calls *expected)
{
    fill_both(expected);
    expected_add_all(expected, commands, ARRAY_LENGTH(commands));
}

void expected_fill_trap(struct expected_calls *expected)
{
    fill_both(expected);
    expected_add_all(expected, trap, ARRAY_LENGTH(trap));
}

void expected_fill_container(struct expected_calls *expected)
{
    expected->count = 0;
    expected_add_all(expected, container, ARRAY_LENGTH(container));
    for (size_t i = 0; i < ARRAY_LENGTH(container_never); i++)
        add_name(expected, container_never[i], EPERM);
    for (size_t i = 0; i < ARRAY_LENGTH(container_ranges); i++)
        expected_add_range(expected, &container_ranges[i]);
}
