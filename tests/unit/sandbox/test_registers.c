/* The registers of a thread that the running kernel stopped behind a trapped call. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"
#include "lib/base/unix_message.h"
#include "sandbox/exec-trap/registers.h"

#define ERESTARTNOINTR 513
#define STOPPED_BY(event) (SIGTRAP | (event) << 8)

static const char other_program[] = "/bin/true";
static char name[] = "true";
static char *const arguments[] = {name, NULL};
static char *const nothing[] = {NULL};

/* A child whose execveat(2) is trapped; all else of it is not. */
struct caller {
    pid_t pid;
    int listener;
    struct seccomp_data call;
};

static int listen_to_execveat(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LENGTH(filter), .filter = filter};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return sys_seccomp(SECCOMP_SET_MODE_FILTER,
                       SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                       &program);
}

/* Exits with the errno of its call. */
static void be_caller(int socket) __attribute__((noreturn));
static void be_caller(int socket)
{
    char byte = 0;
    int listener = listen_to_execveat();
    const struct unix_message message = {.data = &byte, .size = 1, .fds = &listener, .fd_count = 1};

    if (listener < 0 || unix_message_send(socket, &message) < 0)
        _exit(200);
    close(listener);
    syscall(SYS_execveat, AT_FDCWD, "/no/such", arguments, nothing, 0);
    _exit(errno);
}

static void start_caller(struct caller *caller)
{
    int ends[2];
    char byte;
    struct unix_fds fds = {.count = 0};

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    caller->pid = fork();
    if (caller->pid == 0)
        be_caller(ends[1]);
    close(ends[1]);
    assert_int_equal(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 60000), 1);
    assert_int_equal(unix_message_receive(ends[0], &byte, 1, &fds), 1);
    close(ends[0]);
    caller->listener = fds.fds[0];
}

/* Its call is received, answered with ERROR, and it stops on the way back. */
static void stop_behind_call(struct caller *caller, int error)
{
    struct seccomp_notif notification = {.id = 0};
    int status;

    assert_int_equal(ioctl(caller->listener, SECCOMP_IOCTL_NOTIF_RECV, &notification), 0);
    caller->call = notification.data;
    assert_int_equal(
        ptrace(PTRACE_SEIZE, caller->pid, NULL, (void *)(PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)),
        0);
    assert_int_equal(ptrace(PTRACE_INTERRUPT, caller->pid, NULL, NULL), 0);
    struct seccomp_notif_resp response = {.id = notification.id, .error = -error};
    assert_int_equal(ioctl(caller->listener, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
    close(caller->listener);
    assert_int_equal(waitpid(caller->pid, &status, __WALL), caller->pid);
    assert_int_equal(status >> 8, STOPPED_BY(PTRACE_EVENT_STOP));
}

static int let_go(const struct caller *caller)
{
    int status;

    assert_int_equal(ptrace(PTRACE_DETACH, caller->pid, NULL, NULL), 0);
    assert_int_equal(waitpid(caller->pid, &status, 0), caller->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void tells_a_call_that_ended(void **state)
{
    struct caller caller;
    struct registers registers;

    (void)state;
    start_caller(&caller);
    stop_behind_call(&caller, EACCES);
    assert_int_equal(registers_get(caller.pid, &registers), 0);
    assert_false(registers_is_restarting(&registers, &caller.call));
    assert_int_equal(let_go(&caller), EACCES);
}

static void fails_a_call_that_is_made_again(void **state)
{
    struct caller caller;
    struct registers registers;

    (void)state;
    start_caller(&caller);
    stop_behind_call(&caller, ERESTARTNOINTR);
    assert_int_equal(registers_get(caller.pid, &registers), 0);
    assert_true(registers_is_restarting(&registers, &caller.call));
    registers_fail(&registers, EFAULT);
    assert_int_equal(registers_set(caller.pid, &registers), 0);
    assert_int_equal(let_go(&caller), EFAULT);
}

static void makes_another_program_of_it(void **state)
{
    struct caller caller;
    struct registers registers;
    int status;
    const struct registers_exec exec = {.path = (uintptr_t)other_program,
                                        .arguments = (uintptr_t)arguments,
                                        .environment = (uintptr_t)nothing};

    (void)state;
    start_caller(&caller);
    stop_behind_call(&caller, ERESTARTNOINTR);
    assert_int_equal(registers_get(caller.pid, &registers), 0);
    assert_true(registers_is_restarting(&registers, &caller.call));
    registers_make_exec(&registers, &exec);
    assert_int_equal(registers_set(caller.pid, &registers), 0);
    assert_int_equal(ptrace(PTRACE_CONT, caller.pid, NULL, NULL), 0);
    assert_int_equal(waitpid(caller.pid, &status, __WALL), caller.pid);
    assert_int_equal(status >> 8, STOPPED_BY(PTRACE_EVENT_EXEC));
    assert_int_equal(let_go(&caller), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_call_that_ended),
        cmocka_unit_test(fails_a_call_that_is_made_again),
        cmocka_unit_test(makes_another_program_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
