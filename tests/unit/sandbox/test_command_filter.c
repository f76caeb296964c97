/*
 * The shipped filters of commands and of the exec trap on the running kernel. Each refusal stands
 * beside its control: the same call without the filter must end otherwise, else the test would
 * prove nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/unix_message.h"
#include "lib/base/unix_socket.h"
#include "tests/helpers/arm32.h"

#define OPEN_TREE_ATTR 467
#define HIGH_BITS (UINT64_C(0x5a5a) << 32)
#define X32_BIT 0x40000000

/* One system call with three arguments: the kernel's answer, or that of the filter. */
struct call {
    const char *name;
    long number;
    uint64_t arguments[3];
    int refusal; /* the filter's errno; 0: the filter must not change the outcome */
};

/* clang-format off */
static const struct call calls[] = {
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

static const struct call command_calls[] = {
    {"ptrace",             SYS_ptrace, {PTRACE_TRACEME, 0, 0}, 0},
    {"process_vm_readv",   SYS_process_vm_readv, {0, 0, 0}, 0},
    {"execve",             SYS_execve, {0, 0, 0}, 0},
};

static const struct call trap_calls[] = {
    {"ptrace",             SYS_ptrace, {PTRACE_TRACEME, 0, 0}, EPERM},
    {"process_vm_readv",   SYS_process_vm_readv, {(uint64_t)-1, 0, 0}, EPERM},
    {"process_vm_writev",  SYS_process_vm_writev, {(uint64_t)-1, 0, 0}, EPERM},
    {"pidfd_getfd",        SYS_pidfd_getfd, {(uint64_t)-1, 0, 0}, EPERM},
    /* Without a listener the kernel answers for it. */
    {"execve",             SYS_execve, {0, 0, 0}, ENOSYS},
    {"execveat",           SYS_execveat, {(uint64_t)-1, 0, 0}, ENOSYS},
};
/* clang-format on */

static char filter_directory[PATH_MAX];
static char filter_path[PATH_MAX];
/* What the two filters judge differently. */
static const struct call *own_calls;
static size_t own_call_count;

static int find_filters(void **state)
{
    char directory[PATH_MAX];

    (void)state;
    if (path_of_program(directory, NULL) < 0)
        return -1;
    return path_format(filter_directory, "%s/../../image/etc/coding-agents/seccomp", directory);
}

static int choose_command_filter(void **state)
{
    (void)state;
    own_calls = command_calls;
    own_call_count = ARRAY_LENGTH(command_calls);
    return path_format(filter_path, "%s/command.bpf", filter_directory);
}

static int choose_trap_filter(void **state)
{
    (void)state;
    own_calls = trap_calls;
    own_call_count = ARRAY_LENGTH(trap_calls);
    return path_format(filter_path, "%s/agentcli.bpf", filter_directory);
}

static void enter_filter(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_filter_load(filter_path, NULL) < 0)
        _exit(255);
}

/* Exit status 0 for success, else the errno: all that a probe has to say. */
static void probe(const struct call *call, bool is_filtered) __attribute__((noreturn));
static void probe(const struct call *call, bool is_filtered)
{
    int ends[2];
    pid_t parent = getpid();
    long result;

    if (is_filtered)
        enter_filter();
    result = syscall(call->number, call->arguments[0], call->arguments[1], call->arguments[2], ends,
                     0, 0);
    if (getpid() != parent)
        _exit(0); /* the child of a clone that went through */
    _exit(result < 0 ? errno : 0);
}

/* The errno of the call in a child, 0 for success; 1000 plus the signal that ended it. */
static int outcome(const struct call *call, bool is_filtered)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        probe(call, is_filtered);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return 1000 + WTERMSIG(status);
    assert_int_not_equal(WEXITSTATUS(status), 255);
    return WEXITSTATUS(status);
}

static void check(const struct call *call)
{
    int control = outcome(call, false);
    int filtered = outcome(call, true);

    if (call->refusal == 0 && filtered != control)
        fail_msg("%s: %d with the filter, %d without", call->name, filtered, control);
    if (call->refusal != 0 && filtered != call->refusal)
        fail_msg("%s: %d with the filter, not %d", call->name, filtered, call->refusal);
    /* Without privileges the kernel refuses much of this by itself, and there is no control. */
    if (call->refusal != 0 && control == call->refusal && geteuid() == 0)
        fail_msg("%s: %d without the filter too", call->name, control);
}

static void test_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(calls); i++)
        check(&calls[i]);
    for (size_t i = 0; i < own_call_count; i++)
        check(&own_calls[i]);
}

/* A thread, a fork and an exec by the C library: what clone3's ENOSYS must not break. */
static void test_children_still_start(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        enter_filter();
        execl("/bin/sh", "sh", "-c", "/bin/true | /bin/cat && (exit 3); exit $?", (char *)NULL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

/* A child below the trap that makes CALL; the listener comes over SOCKET. */
static pid_t start_trapped(const struct call *call, int socket)
{
    pid_t pid = fork();
    int listener;

    if (pid != 0)
        return pid;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        _exit(255);
    listener = seccomp_filter_listen(filter_path, NULL);
    if (listener < 0)
        _exit(255);
    const struct unix_message message = {.data = "", .size = 1, .fds = &listener, .fd_count = 1};
    if (unix_message_send(socket, &message) < 0)
        _exit(255);
    close(listener);
    _exit(syscall(call->number, call->arguments[0], call->arguments[1], call->arguments[2], 0, 0,
                  0) < 0
              ? errno
              : 0);
}

static int receive_listener(int socket)
{
    struct pollfd wait = {.fd = socket, .events = POLLIN};
    int listener = -1;
    char byte;

    assert_int_equal(poll(&wait, 1, 10000), 1);
    assert_int_equal(unix_socket_receive(socket, &byte, 1, &listener), 1);
    assert_true(listener >= 0);
    return listener;
}

static void test_execs_wait_for_the_listener(void **state)
{
    static const struct call execs[] = {
        {.name = "execve", .number = SYS_execve},
        {.name = "execveat", .number = SYS_execveat, .arguments = {(uint64_t)-1}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(execs); i++) {
        struct seccomp_notif notification = {.id = 0};
        struct seccomp_notif_resp answer = {.error = -ENOMSG};
        int ends[2];
        int status;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        pid_t pid = start_trapped(&execs[i], ends[1]);
        int listener = receive_listener(ends[0]);
        assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification), 0);
        assert_int_equal(notification.data.nr, execs[i].number);
        answer.id = notification.id;
        assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == ENOMSG);
        close(listener);
        close(ends[0]);
        close(ends[1]);
    }
}

static void test_one_listener_only(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (seccomp_filter_listen(filter_path, NULL) < 0)
            _exit(0);
        _exit(-seccomp_filter_listen(filter_path, NULL));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EBUSY);
}

#ifdef __x86_64__
static void test_x32_is_killed(void **state)
{
    const struct call call = {"getpid of x32", SYS_getpid | X32_BIT, {0}, 0};

    (void)state;
    assert_true(outcome(&call, false) < 1000);
    assert_int_equal(outcome(&call, true), 1000 + SIGSYS);
}

static void use_other_table(void)
{
    long result = 20; /* getpid there */
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
}
#else
static void use_other_table(void)
{
    arm32_execute();
    _exit(errno);
}
#endif

static int other_table_outcome(bool is_filtered)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (is_filtered)
            enter_filter();
        use_other_table();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_32_bit_is_killed(void **state)
{
    int control = other_table_outcome(false);

    (void)state;
    /* Where there is no 32-bit table, or no 32-bit code, there is nothing to kill. */
    assert_true(control == 0 || control == 1000 + SIGSEGV || control == ENOEXEC);
    assert_int_equal(other_table_outcome(true), control == 0 ? 1000 + SIGSYS : control);
}

int main(void)
{
#define WITH(choice, test) cmocka_unit_test_setup(test, choice)
    const struct CMUnitTest tests[] = {
        WITH(choose_command_filter, test_calls),
        WITH(choose_command_filter, test_children_still_start),
        WITH(choose_trap_filter, test_calls),
        WITH(choose_trap_filter, test_execs_wait_for_the_listener),
        WITH(choose_trap_filter, test_one_listener_only),
        WITH(choose_command_filter, test_32_bit_is_killed),
#ifdef __x86_64__ /* on arm64 it takes an exec, and below the trap that waits for the listener */
        WITH(choose_trap_filter, test_32_bit_is_killed),
        WITH(choose_command_filter, test_x32_is_killed),
        WITH(choose_trap_filter, test_x32_is_killed),
#endif
    };

    return cmocka_run_group_tests(tests, find_filters, NULL);
}
