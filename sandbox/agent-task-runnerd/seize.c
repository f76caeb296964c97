/* Takes hold of the thread of a call, without ever waiting for another. */
#include <errno.h>
#include <sys/ptrace.h>

#include "lib/base/clock.h"
#include "lib/base/other_process.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* Until it is looked again whether the other thread's exec failed. */
#define SIBLING_WAIT_NS CLOCK_NANOSECONDS_PER_MILLISECOND

/*
 * While one thread of a process is in the kernel's execve, PTRACE_SEIZE of another waits for that,
 * and that for the ends of those that are traced already, which nobody but us can take note of.
 */
static bool is_sibling_executing(const struct call *call)
{
    const struct call *other = NULL;
    while ((other = calls_next(call->runner, other, CALL_EXECUTING, CALL_EXECUTING)) != NULL) {
        if (other_process_has_thread(calls_thread(other), calls_thread(call)))
            return true;
    }
    return false;
}

void redirect_begin(struct call *call)
{
    pid_t thread = calls_thread(call);
    long options = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    call->notified = listener_notification(call)->data;
    if (is_sibling_executing(call)) {
        calls_delay(call, clock_monotonic_ns() + SIBLING_WAIT_NS);
        return;
    }
    if (!listener_is_waiting(call)) {
        calls_end(call, ESRCH);
        return;
    }
    if (ptrace(PTRACE_SEIZE, thread, NULL, (void *)options) < 0) {
        /* Nobody else may trace a trapped thread, so this caller is traced by its own. */
        if (errno != ESRCH && listener_is_waiting(call))
            calls_refuse(call, EPERM, "it is traced already, or may not be");
        calls_end(call, EPERM);
        return;
    }
    /* Only now can its number not become another's. One that has it by now stops when it can. */
    bool is_waiting = listener_is_waiting(call);
    call->state = is_waiting ? CALL_STOPPING : CALL_RELEASING;
    call->deadline_ns = is_waiting ? runner_deadline(call->runner, CALL_PATIENCE_MS) : 0;
    (void)ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
    listener_answer(call, ERESTARTNOINTR);
}
