/* Takes hold of the thread of a call, without ever waiting for another. */
#include <errno.h>
#include <sys/ptrace.h>

#include "lib/base/clock.h"
#include "lib/base/other_process.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* Until it is looked again whether the other thread's exec failed. */
#define SIBLING_WAIT_NS CLOCK_NANOSECONDS_PER_MILLISECOND

/* Nobody else may trace a trapped thread, so a refusal is a caller that is traced by its own. */
static void refuse_trace(struct call *call, int error)
{
    if (error != ESRCH && listener_is_waiting(call))
        calls_refuse(call, EPERM, "it is traced already");
    listener_answer(call, EPERM);
    calls_free(call);
}

/*
 * While one thread of a process is in the kernel's execve, PTRACE_SEIZE of another waits for that,
 * and that for the ends of those that are traced already, which nobody but us can take note of.
 */
static bool is_sibling_executing(const struct call *call)
{
    const struct calls *calls = &call->runner->calls;
    for (size_t i = 0; i < calls->end; i++) {
        if (calls->rows[i].state == CALL_EXECUTING &&
            other_process_has_thread(calls->threads[i], calls_thread(call)))
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
        listener_answer(call, ESRCH);
        calls_free(call);
        return;
    }
    if (ptrace(PTRACE_SEIZE, thread, NULL, (void *)options) < 0) {
        refuse_trace(call, errno);
        return;
    }
    /* Only now can its number not become another's. */
    call->state = listener_is_waiting(call) ? CALL_STOPPING : CALL_RELEASING;
    call->deadline_ns = clock_monotonic_ns() + CALL_PATIENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    runner_expect(call->runner);
    (void)ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
    listener_restart(call);
}
