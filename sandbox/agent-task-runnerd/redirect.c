/*
 * Turns an exec into that of the relay, or holds a direct one to what it claimed to be: a ptrace
 * state machine as a table. docs/exec-trap.md draws it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/other_process.h"
#include "sandbox/agent-task-runnerd/runner.h"

enum trace_event {
    TRACE_TRAP,   /* the stop that was asked for */
    TRACE_HALT,   /* its whole process was stopped, or is to be: SIGSTOP, which nobody blocks */
    TRACE_SIGNAL, /* another signal is about to be delivered: once all are blocked, a fault */
    TRACE_EXEC,   /* the first instruction of a new image is next */
    TRACE_OTHER,
    TRACE_COUNT
};

#define KERNEL_SIGNALS_SIZE 8 /* bytes of the kernel's signal set */

/* With the signal mask that it had. */
static void detach(struct call *call, int signal)
{
    pid_t thread = calls_thread(call);
    if (call->is_masked)
        (void)ptrace(PTRACE_SETSIGMASK, thread, (void *)KERNEL_SIGNALS_SIZE, &call->mask);
    (void)ptrace(PTRACE_DETACH, thread, NULL, (void *)(uintptr_t)(unsigned)signal);
}

static bool block_signals(struct call *call)
{
    pid_t thread = calls_thread(call);
    uint64_t all = UINT64_MAX;
    call->is_masked =
        ptrace(PTRACE_GETSIGMASK, thread, (void *)KERNEL_SIGNALS_SIZE, &call->mask) == 0 &&
        ptrace(PTRACE_SETSIGMASK, thread, (void *)KERNEL_SIGNALS_SIZE, &all) == 0;
    return call->is_masked;
}

/* The end of what is not understood: nothing runs that was not looked at. */
static void kill_call(struct call *call, const char *why)
{
    if (call->state != CALL_DYING)
        calls_refuse(call, 0, why);
    (void)kill(calls_thread(call), SIGKILL);
    call->state = CALL_DYING;
    call->deadline_ns = 0;
}

static void kill_moved(struct call *call, int signal)
{
    (void)signal;
    kill_call(call, "killed: it did something else than the call that was set up");
}

/* Lets the thread go on as if nobody had touched it; the call it makes again is notified anew. */
void redirect_release(struct call *call, int signal)
{
    detach(call, signal);
    calls_free(call);
}

static void fail_call(struct call *call, struct registers *registers, int error)
{
    registers_fail(registers, error);
    if (registers_set(calls_thread(call), registers) < 0)
        return;
    calls_refuse(call, error, "the stack pointer is not usable");
    redirect_release(call, 0);
}

static void resume(struct call *call, enum call_state state)
{
    call->state = state;
    call->deadline_ns = runner_deadline(call->runner, CALL_PATIENCE_MS);
    /* ESRCH: it was killed meanwhile; its end is told. */
    (void)ptrace(PTRACE_CONT, calls_thread(call), NULL, NULL);
}

/* The relay's path goes below the stack pointer, where nothing of the caller's is. */
static int plant(struct call *call, struct registers *registers)
{
    static const char relay[] = TASK_RELAY;
    struct registers_exec exec = {
        .path = (registers_stack(registers) - registers_red_zone - sizeof(relay)) & ~UINT64_C(15)};
    bool is_at = call->notified.nr == SYS_execveat;
    exec.arguments = call->notified.args[is_at ? 2 : 1];
    exec.environment = call->notified.args[is_at ? 3 : 2];
    int result = other_process_write(calls_thread(call), exec.path, relay, sizeof(relay));
    if (result < 0)
        return result;
    call->expected = (struct seccomp_data){.nr = SYS_execve,
                                           .args = {exec.path, exec.arguments, exec.environment}};
    registers_make_exec(registers, &exec);
    return registers_set(calls_thread(call), registers);
}

/*
 * A thread that stopped can still be killed, by another's exec for one, and then refuses whatever
 * is asked of it: its end is told next, so nothing is to be done about that here.
 */
static void set_up(struct call *call, int signal)
{
    struct registers registers;
    (void)signal;
    if (registers_get(calls_thread(call), &registers) < 0)
        return;
    if (!registers_is_restarting(&registers, &call->notified)) {
        redirect_release(call, 0);
        return;
    }
    call->saved = registers;
    if (!block_signals(call))
        return;
    call->expected = call->notified;
    /* A direct call is made again as it is; only its new image is looked at. */
    int result = call->is_direct ? 0 : plant(call, &registers);
    if (result == -EFAULT)
        fail_call(call, &registers, EFAULT);
    else if (result == 0)
        resume(call, CALL_RESTARTING);
}

/* Before the call was made again: the registers become what they were, so that it starts over. */
static void withdraw(struct call *call, int signal)
{
    if (registers_set(calls_thread(call), &call->saved) == 0)
        redirect_release(call, signal);
}

/* The exec was refused by the kernel: the caller sees that error, and its own registers. */
static void return_failure(struct call *call, int signal)
{
    struct registers now;
    if (registers_get(calls_thread(call), &now) < 0)
        return;
    registers_restore(&now, &call->saved);
    if (registers_set(calls_thread(call), &now) == 0)
        redirect_release(call, signal);
}

static void finish_direct(struct call *call, pid_t process)
{
    static struct exec_event event;
    static char arguments[TASK_ARGUMENTS_SHOWN];
    if (!direct_judge(call, process, &event, arguments)) {
        kill_call(call, "killed: its arguments or environment are not those of a direct rule");
        return;
    }
    call->runner->status.direct++;
    call->sequence = audit_record(call->runner, &event, arguments);
    call->state = CALL_RECORDING;
    call->deadline_ns = 0;
    if (call->sequence <= call->runner->audit.sent)
        redirect_release(call, 0);
}

/* Whatever the threads beside it did to the path: this is what the kernel took. */
static void verify(struct call *call, int signal)
{
    pid_t process = calls_thread(call);
    const struct program image = program_of_process(process);
    (void)signal;
    if (!program_is_same(&image, call->is_direct ? &call->target : &call->runner->calls.relay))
        kill_call(call, "killed: it did not become the program that was set up");
    else if (call->is_direct)
        finish_direct(call, process);
    else if (ticket_issue(call) < 0)
        kill_call(call, "killed: no ticket could be made for it");
    else
        detach(call, 0);
}

/* clang-format off */
static void (*const actions[CALL_STATE_COUNT][TRACE_COUNT])(struct call *call, int signal) = {
    [CALL_RELEASING] = {
        [TRACE_TRAP]   = redirect_release,
        [TRACE_HALT]   = redirect_release,
        [TRACE_SIGNAL] = redirect_release,
        [TRACE_EXEC]   = redirect_release,
    },
    [CALL_STOPPING] = {
        [TRACE_TRAP]   = set_up,
        [TRACE_HALT]   = redirect_release,
        [TRACE_SIGNAL] = redirect_release,
    },
    [CALL_RESTARTING] = {
        [TRACE_TRAP]   = withdraw,
        [TRACE_HALT]   = withdraw,
        [TRACE_SIGNAL] = kill_moved,
    },
    [CALL_EXECUTING] = {
        [TRACE_TRAP]   = return_failure,
        [TRACE_HALT]   = return_failure,
        [TRACE_SIGNAL] = kill_moved,
        [TRACE_EXEC]   = verify,
    },
};
/* clang-format on */

static enum trace_event classify(int status)
{
    if (status >> 16 == PTRACE_EVENT_STOP)
        return WSTOPSIG(status) == SIGTRAP ? TRACE_TRAP : TRACE_HALT;
    if (status >> 16 == PTRACE_EVENT_EXEC)
        return TRACE_EXEC;
    if (status >> 16 != 0)
        return TRACE_OTHER;
    return WSTOPSIG(status) == SIGSTOP ? TRACE_HALT : TRACE_SIGNAL;
}

/* A thread that execs takes its process's number; the leader that had it is gone without a word. */
static struct call *find_executed(struct runner *runner, pid_t process)
{
    unsigned long former = 0;
    if (ptrace(PTRACE_GETEVENTMSG, process, NULL, &former) < 0)
        return NULL;
    struct call *call = calls_find(runner, (pid_t)former, CALL_TRACED_FIRST, CALL_TRACED_LAST);
    if (call == NULL || (pid_t)former == process)
        return call;
    struct call *leader = calls_find(runner, process, CALL_TRACED_FIRST, CALL_TRACED_LAST);
    if (leader != NULL)
        calls_free(leader);
    calls_rename(call, process);
    return call;
}

static void on_stop(struct runner *runner, pid_t thread, int status)
{
    enum trace_event event = classify(status);
    struct call *call = event == TRACE_EXEC
                            ? find_executed(runner, thread)
                            : calls_find(runner, thread, CALL_TRACED_FIRST, CALL_TRACED_LAST);
    if (call == NULL) {
        (void)kill(thread, SIGKILL);
        return;
    }
    int signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    if (actions[call->state][event] != NULL)
        actions[call->state][event](call, signal);
    else
        kill_moved(call, signal);
}

void redirect_on_child(void *context, uint32_t events)
{
    struct runner *runner = context;
    struct signalfd_siginfo drained;
    (void)events;
    (void)!read(runner->calls.stopped_fd, &drained, sizeof(drained));
    for (int i = 0; i < TRACE_BATCH; i++) {
        int status;
        pid_t thread = waitpid(-1, &status, __WALL | WNOHANG);
        if (thread <= 0)
            return;
        if (WIFSTOPPED(status)) {
            on_stop(runner, thread, status);
            continue;
        }
        struct call *call = calls_find(runner, thread, CALL_TRACED_FIRST, CALL_TRACED_LAST);
        if (call != NULL)
            calls_end(call, ESRCH);
    }
    (void)kill(getpid(), SIGCHLD); /* there may be more: after the others had their turn */
}

/* execve(2) looks at three arguments. */
static bool is_expected(const struct call *call, const struct seccomp_data *data)
{
    size_t size = call->is_direct ? sizeof(data->args) : 3 * sizeof(data->args[0]);
    return data->nr == call->expected.nr && memcmp(data->args, call->expected.args, size) == 0;
}

bool redirect_recognise(struct call *call, const struct seccomp_notif *notification)
{
    struct call *earlier =
        calls_find(call->runner, (pid_t)notification->pid, CALL_TRACED_FIRST, CALL_TRACED_LAST);
    if (earlier == call || earlier == NULL)
        return false;
    if (earlier->state == CALL_RELEASING) { /* stops, is let go, and makes that call again */
        calls_end(call, ERESTARTNOINTR);
        return true;
    }
    bool is_same = earlier->state == CALL_RESTARTING && is_expected(earlier, &notification->data);
    listener_move(call, earlier);
    calls_free(call);
    if (!is_same) {
        kill_moved(earlier, 0);
        return true;
    }
    earlier->state = CALL_EXECUTING;
    earlier->deadline_ns = 0;
    /* If the kernel refuses the exec, the thread stops before the caller goes on. */
    (void)ptrace(PTRACE_INTERRUPT, calls_thread(earlier), NULL, NULL);
    listener_answer(earlier, 0);
    return true;
}

void redirect_on_deadline(struct call *call)
{
    kill_call(call, "killed: it did not make the call that was set up");
}
