/* The table of trapped execs, and what is decided about each when it is first seen. */
#include <errno.h>
#include <sys/syscall.h>

#include "lib/base/clock.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/event.h"

struct call *calls_next(struct runner *runner, const struct call *call, enum call_state first,
                        enum call_state last)
{
    struct calls *calls = &runner->calls;
    for (size_t i = call == NULL ? 0 : (size_t)(call - calls->rows) + 1; i < calls->end; i++) {
        if (calls->rows[i].state >= first && calls->rows[i].state <= last)
            return &calls->rows[i];
    }
    return NULL;
}

struct call *calls_take(struct runner *runner)
{
    struct calls *calls = &runner->calls;
    struct call *call = calls_next(runner, NULL, CALL_FREE, CALL_FREE);
    if (call == NULL && calls->end < CALLS_MAX)
        call = &calls->rows[calls->end++];
    if (call == NULL)
        return NULL;
    call->runner = runner;
    call->state = CALL_DELAYED;
    call->is_direct = call->is_claimed = call->is_masked = false;
    call->why = NULL;
    call->deadline_ns = 0;
    call->end = WATCH_NONE;
    return call;
}

struct call *calls_find(struct runner *runner, pid_t thread, enum call_state first,
                        enum call_state last)
{
    const struct calls *calls = &runner->calls;
    size_t i = 0;
    while (i < calls->end && (calls->threads[i] != thread || calls->rows[i].state < first ||
                              calls->rows[i].state > last))
        i++;
    return i < calls->end ? &runner->calls.rows[i] : NULL;
}

void calls_free(struct call *call)
{
    struct runner *runner = call->runner;
    struct calls *calls = &runner->calls;
    watch_close(&call->end);
    call->state = CALL_FREE;
    calls_rename(call, 0);
    while (calls->end > 0 && calls->rows[calls->end - 1].state == CALL_FREE)
        calls->end--;
    if (!calls->is_full)
        return;
    calls->is_full = false;
    listener_pause(runner);
}

void calls_end(struct call *call, int error)
{
    listener_answer(call, error);
    calls_free(call);
}

pid_t calls_thread(const struct call *call)
{
    const struct calls *calls = &call->runner->calls;
    return calls->threads[call - calls->rows];
}

void calls_rename(struct call *call, pid_t thread)
{
    struct calls *calls = &call->runner->calls;
    calls->threads[call - calls->rows] = thread;
}

/* What nobody can execute is answered as the kernel would, except that some of it is put on record.
 */
void calls_refuse(struct call *call, int error, const char *why)
{
    struct exec_event event;
    event_of_refusal(call->path, error, why, &event);
    event.uid = call->uid;
    event.pid = calls_thread(call);
    call->runner->status.refused++;
    audit_record(call->runner, &event, NULL);
}

/* What was read belongs to this caller only if it is still there. */
static void go_on(struct call *call)
{
    if (call->why == NULL) {
        redirect_begin(call);
        return;
    }
    if (listener_is_waiting(call))
        calls_refuse(call, call->error, call->why);
    calls_end(call, call->error);
}

static void on_due(void *context)
{
    struct runner *runner = context;
    struct call *call = NULL;
    uint64_t now_ns = clock_monotonic_ns();
    while ((call = calls_next(runner, call, CALL_DELAYED, CALL_DELAYED)) != NULL) {
        if (call->deadline_ns > now_ns)
            calls_delay(call, call->deadline_ns);
        else if (!audit_has_room(runner))
            calls_delay(call, now_ns + GATED_RETRY_NS);
        else
            go_on(call);
    }
}

void calls_delay(struct call *call, uint64_t due_ns)
{
    struct runner *runner = call->runner;
    const struct event_timer *timer = &runner->timers[TIMER_THROTTLE];
    call->state = CALL_DELAYED;
    call->deadline_ns = due_ns;
    if (timer->deadline_ns == 0 || due_ns < timer->deadline_ns)
        event_loop_set_timer(&runner->loop, TIMER_THROTTLE, due_ns, on_due, runner);
}

static void throttle(struct call *call)
{
    struct calls *calls = &call->runner->calls;
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t due_ns = throttle_count(&calls->throttle, call->uid, now_ns);
    if (due_ns <= now_ns && audit_has_room(call->runner))
        go_on(call);
    else
        calls_delay(call, due_ns);
}

/* What the kernel was asked for is checked; 0, or the positive errno it is answered with. */
static int judge(struct call *call, const struct seccomp_notif *notification, const char **why)
{
    if (notification->data.arch == registers_architecture &&
        (notification->data.nr == SYS_execve || notification->data.nr == SYS_execveat))
        return resolve(call, notification, why);
    *why = "a call that is no exec";
    return ENOSYS;
}

void calls_begin(struct call *call)
{
    const struct seccomp_notif *notification = listener_notification(call);
    calls_rename(call, (pid_t)notification->pid);
    call->path[0] = '\0';
    if (redirect_recognise(call, notification))
        return;
    call->error = judge(call, notification, &call->why);
    if (call->error == 0)
        call->is_direct = direct_is_candidate(call, notification);
    if (call->error == 0 || call->why != NULL) /* it goes on record */
        throttle(call);
    else
        calls_end(call, call->error);
}

void calls_on_tick(struct runner *runner, uint64_t now_ns)
{
    struct call *call = NULL;
    if (runner->calls.is_full)
        ticket_make_room(runner);
    while ((call = calls_next(runner, call, CALL_TRACED_FIRST, CALL_TRACED_LAST)) != NULL) {
        if (!audit_has_room(runner) && call->deadline_ns != 0) /* nor are its stops looked at */
            call->deadline_ns = runner_deadline(runner, CALL_PATIENCE_MS);
        else if (call->deadline_ns > now_ns)
            runner_expect(runner);
        else if (call->deadline_ns != 0)
            redirect_on_deadline(call);
    }
}

void calls_on_recorded(struct runner *runner)
{
    struct call *call = NULL;
    while ((call = calls_next(runner, call, CALL_RECORDING, CALL_RECORDING)) != NULL) {
        if (call->sequence <= runner->audit.sent)
            redirect_release(call, 0);
    }
}
