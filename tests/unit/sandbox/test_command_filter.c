/*
 * The shipped filters of commands and of the exec trap on the running kernel. Each refusal stands
 * beside its control: the same call without the filter must end otherwise, else the test would
 * prove nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
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
#include "tests/unit/policies/bpf_judge.h"
#include "tests/unit/sandbox/filter_probe.h"

#define X32_BIT 0x40000000

/* What the two filters judge differently. */
static struct expected_table own_calls;
static struct bpf_program program;

static int choose_command_filter(void **state)
{
    (void)state;
    own_calls = expected_of_commands;
    return filter_choose("command.bpf");
}

static int choose_parts_of_command_filter(void **state)
{
    (void)state;
    own_calls = expected_of_commands;
    return filter_choose_both("command-early.bpf", "command-late.bpf");
}

static int choose_trap_filter(void **state)
{
    (void)state;
    own_calls = expected_of_the_trap;
    return filter_choose("agentcli.bpf");
}

static void check_all(const struct expected_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        filter_check(&table->calls[i]);
}

static void test_calls(void **state)
{
    (void)state;
    check_all(&expected_of_both);
    check_all(&own_calls);
}

static void judge_all(const struct expected_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        int judged = bpf_judge(&program, &table->calls[i]);

        if (judged != table->calls[i].refusal)
            fail_msg("%s: %d by the program's text", table->calls[i].name, judged);
    }
}

/* What judges filters that nobody loads says the same as the kernel did above. */
static void test_the_judge(void **state)
{
    (void)state;
    bpf_read(filter_path, &program);
    judge_all(&expected_of_both);
    judge_all(&own_calls);
}

/* A thread, a fork and an exec by the C library: what clone3's ENOSYS must not break. */
static void test_children_still_start(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        filter_enter();
        execl("/bin/sh", "sh", "-c", "/bin/true | /bin/cat && (exit 3); exit $?", (char *)NULL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

/* A child below the trap that makes CALL; the listener comes over SOCKET. */
static pid_t start_trapped(const struct expected_call *call, int socket)
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
    static const struct expected_call execs[] = {
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
    static const struct expected_call calls[] = {
        {"getpid of x32", SYS_getpid | X32_BIT, {0}, 0},
        {"execve of x32", 520 | X32_BIT, {0}, 0},
        {"execveat of x32", 545 | X32_BIT, {0}, 0},
        {"execve with its bit", SYS_execve | X32_BIT, {0}, 0},
    };

    (void)state;
    bpf_read(filter_path, &program);
    for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
        assert_int_equal(bpf_judge(&program, &calls[i]), 1000 + SIGSYS);
        assert_true(filter_outcome(&calls[i], false) < 1000);
        assert_int_equal(filter_outcome(&calls[i], true), 1000 + SIGSYS);
    }
}

/* getpid, execve and execveat there. */
static const long other_numbers[] = {20, 11, 358};

/* All arguments are 0, so the execs fail. */
static void use_other_table(long number)
{
    long result = number;
    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
                     : "memory", "r8", "r9", "r10", "r11");
}
#else
static const long other_numbers[] = {0};

static void use_other_table(long number)
{
    (void)number;
    arm32_execute();
    _exit(errno);
}
#endif

static int other_table_outcome(long number, bool is_filtered)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's own handler would run the other tests here */
        if (is_filtered)
            filter_enter();
        use_other_table(number);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_32_bit_is_killed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(other_numbers); i++) {
        int control = other_table_outcome(other_numbers[i], false);
        /* Where there is no 32-bit table, or no 32-bit code, there is nothing to kill. */
        assert_true(control == 0 || control == 1000 + SIGSEGV || control == ENOEXEC);
        assert_int_equal(other_table_outcome(other_numbers[i], true),
                         control == 0 ? 1000 + SIGSYS : control);
    }
}

int main(void)
{
#define WITH(choice, test) cmocka_unit_test_setup(test, choice)
    const struct CMUnitTest tests[] = {
        WITH(choose_command_filter, test_calls),
        WITH(choose_command_filter, test_the_judge),
        WITH(choose_parts_of_command_filter, test_calls),
        WITH(choose_parts_of_command_filter, test_children_still_start),
        WITH(choose_command_filter, test_children_still_start),
        WITH(choose_trap_filter, test_calls),
        WITH(choose_trap_filter, test_the_judge),
        WITH(choose_trap_filter, test_execs_wait_for_the_listener),
        WITH(choose_trap_filter, test_one_listener_only),
        WITH(choose_command_filter, test_32_bit_is_killed),
#ifdef __x86_64__ /* on arm64 it takes an exec, and below the trap that waits for the listener */
        WITH(choose_trap_filter, test_32_bit_is_killed),
        WITH(choose_command_filter, test_x32_is_killed),
        WITH(choose_trap_filter, test_x32_is_killed),
#endif
    };

    return cmocka_run_group_tests(tests, filter_find, NULL);
}
