/* The table of trapped execs, and what is decided about each when it is first seen. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "sandbox/agent-task-runnerd/runner.h"

struct call *calls_take(struct runner *runner, pid_t thread)
{
    struct calls *calls = &runner->calls;
    for (size_t i = 0; i < CALLS_MAX; i++) {
        struct call *call = &calls->rows[i];
        if (call->state != CALL_FREE)
            continue;
        if (calls->end <= i)
            calls->end = i + 1;
        calls->threads[i] = thread;
        call->runner = runner;
        call->state = CALL_DELAYED;
        call->is_direct = false;
        call->is_masked = false;
        call->deadline_ns = 0;
        call->pidfd = -1;
        call->source = -1;
        return call;
    }
    return NULL;
}

struct call *calls_find(struct runner *runner, pid_t thread, enum call_state first,
                        enum call_state last)
{
    struct calls *calls = &runner->calls;
    for (size_t i = 0; i < calls->end; i++) {
        struct call *call = &calls->rows[i];
        if (calls->threads[i] == thread && call->state >= first && call->state <= last)
            return call;
    }
    return NULL;
}

void calls_free(struct call *call)
{
    struct runner *runner = call->runner;
    struct calls *calls = &runner->calls;
    if (call->source >= 0)
        event_loop_remove(&runner->loop, call->source);
    cleanup_close(&call->pidfd);
    call->source = -1;
    call->state = CALL_FREE;
    calls_rename(call, 0);
    while (calls->end > 0 && calls->rows[calls->end - 1].state == CALL_FREE)
        calls->end--;
    if (calls->is_listening || calls->listener < 0)
        return;
    calls->is_listening = true;
    event_loop_modify(&runner->gated, calls->listener_source, EPOLLIN);
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
    struct exec_event event = {
        .kind = EXEC_EVENT_REFUSED, .uid = call->uid, .pid = calls_thread(call)};
    event.error = (uint32_t)error;
    memccpy(event.text, why, '\0', sizeof(event.text) - 1);
    memcpy(event.program, call->path, sizeof(event.program));
    call->runner->refused++;
    audit_record(call->runner, &event, NULL);
}

static void on_due(void *context);

static void set_due_timer(struct runner *runner, uint64_t due_ns)
{
    const struct event_timer *timer = &runner->timers[TIMER_THROTTLE];
    if (timer->deadline_ns == 0 || due_ns < timer->deadline_ns)
        event_loop_set_timer(&runner->loop, TIMER_THROTTLE, due_ns, on_due, runner);
}

static void on_due(void *context)
{
    struct runner *runner = context;
    struct calls *calls = &runner->calls;
    uint64_t now_ns = clock_monotonic_ns();
    for (size_t i = 0; i < calls->end; i++) {
        struct call *call = &calls->rows[i];
        if (call->state != CALL_DELAYED)
            continue;
        if (call->deadline_ns > now_ns)
            set_due_timer(runner, call->deadline_ns);
        else
            redirect_begin(call);
    }
}

void calls_delay(struct call *call, uint64_t due_ns)
{
    call->state = CALL_DELAYED;
    call->deadline_ns = due_ns;
    set_due_timer(call->runner, due_ns);
}

static void throttle(struct call *call)
{
    struct calls *calls = &call->runner->calls;
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t due_ns = throttle_count(&calls->throttle, call->uid, now_ns);
    if (due_ns <= now_ns)
        redirect_begin(call);
    else
        calls_delay(call, due_ns);
}

static void answer(struct call *call, const struct resolution *resolution)
{
    /* What was read belongs to this caller only if it is still there. */
    if (resolution->why != NULL && listener_is_waiting(call))
        calls_refuse(call, resolution->error, resolution->why);
    listener_answer(call, resolution->error);
    calls_free(call);
}

void calls_begin(struct call *call)
{
    struct seccomp_notif *notification = listener_notification(call);
    pid_t thread = (pid_t)notification->pid;
    calls_rename(call, thread);
    call->path[0] = '\0';
    if (redirect_recognise(call, notification))
        return;
    if (notification->data.arch != registers_architecture ||
        (notification->data.nr != SYS_execve && notification->data.nr != SYS_execveat)) {
        answer(call, &(struct resolution){.error = ENOSYS, .why = "a call that is no exec"});
        return;
    }
    struct resolution resolution = resolve(call, notification);
    if (resolution.error != 0) {
        answer(call, &resolution);
        return;
    }
    call->is_direct = direct_is_candidate(call->runner, call, notification);
    throttle(call);
}

void calls_on_tick(struct runner *runner, uint64_t now_ns)
{
    struct calls *calls = &runner->calls;
    for (size_t i = 0; i < calls->end; i++) {
        struct call *call = &calls->rows[i];
        if (call->state < CALL_TRACED_FIRST || call->state > CALL_TRACED_LAST ||
            call->deadline_ns == 0)
            continue;
        if (call->deadline_ns > now_ns)
            runner_expect(runner);
        else
            redirect_on_deadline(call);
    }
}

void calls_on_recorded(struct runner *runner)
{
    struct calls *calls = &runner->calls;
    for (size_t i = 0; i < calls->end; i++) {
        struct call *call = &calls->rows[i];
        if (call->state == CALL_RECORDING && audit_is_sent(runner, call->sequence))
            redirect_on_recorded(call);
    }
}
