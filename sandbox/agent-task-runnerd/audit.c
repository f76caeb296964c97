/* Puts events on record with the keeper, in order, keeping a few while it is slow or away. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/unix_socket.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/event.h"
#include "sandbox/exec-trap/keeper_frame.h"

_Static_assert(offsetof(struct audit_frame, event) ==
                   offsetof(struct audit_frame, header) + sizeof(struct channel_header),
               "a frame is one piece");

static void look_after_keeper(void *context);

static void say(const struct audit_frame *frame)
{
    char line[EVENT_LINE_SIZE];
    event_format(&frame->event, line);
    diagnostic_say(line, NULL);
}

static void expect_keeper(struct runner *runner)
{
    event_loop_set_timer(&runner->loop, TIMER_KEEPER, runner_deadline(runner, RECONNECT_MS),
                         look_after_keeper, runner);
}

static void lose_keeper(struct runner *runner)
{
    struct audit *audit = &runner->audit;
    watch_close(&audit->keeper);
    if (audit->is_open)
        audit->give_up_ns = runner_deadline(runner, KEEPER_PATIENCE_MS);
    audit->is_open = audit->is_full = false;
    expect_keeper(runner);
}

/* True when the keeper has taken FRAME. */
static bool hand_over(struct runner *runner, const struct audit_frame *frame)
{
    struct audit *audit = &runner->audit;
    if (send(audit->keeper.fd, &frame->header, sizeof(frame->header) + frame->header.length,
             MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    if (errno == EAGAIN) {
        audit->is_full = true;
        watch_change(&audit->keeper, EPOLLIN | EPOLLOUT);
    } else {
        lose_keeper(runner);
    }
    return false;
}

/* Sends what waits, as far as it goes. */
static void flush(struct runner *runner)
{
    struct audit *audit = &runner->audit;
    bool is_spoken =
        audit->path == NULL || (!audit->is_open && clock_monotonic_ns() > audit->give_up_ns);
    while (audit->sent < audit->made && (is_spoken || (audit->is_open && !audit->is_full))) {
        const struct audit_frame *frame = &audit->frames[audit->sent % AUDIT_FRAMES_MAX];
        if (is_spoken)
            say(frame);
        else if (!hand_over(runner, frame))
            return;
        audit->sent++;
    }
}

static void flush_and_tell(struct runner *runner)
{
    flush(runner);
    calls_on_recorded(runner);
    sandboxes_on_recorded(runner);
}

uint64_t audit_record(struct runner *runner, struct exec_event *event, const char *arguments)
{
    struct audit *audit = &runner->audit;
    struct audit_frame *frame = &audit->frames[audit->made % AUDIT_FRAMES_MAX];
    event->version = EXEC_EVENT_VERSION;
    event->realtime_ns = clock_realtime_ns();
    event->monotonic_ns = clock_monotonic_ns();
    if (audit->made - audit->sent == AUDIT_FRAMES_MAX) {
        /* The reserve is sized so that this cannot be; then it is told, not lost. */
        say(frame);
        audit->sent++;
    }
    frame->header = channel_header_of(CHANNEL_EXEC_EVENT, sizeof(*event) + event->arguments_size);
    frame->event = *event;
    if (event->arguments_size > 0)
        memcpy(frame->arguments, arguments, event->arguments_size);
    audit->made++;
    flush(runner);
    return audit->made;
}

bool audit_has_room(const struct runner *runner)
{
    return runner->audit.made - runner->audit.sent <= AUDIT_FRAMES_MAX - AUDIT_FRAMES_RESERVE;
}

/* One that comes too late, or is for another runner's ask, is for nobody. */
static void take_answer(struct runner *runner, const struct exec_answer *answer)
{
    struct sandbox *sandbox = answer == NULL ? NULL : sandboxes_find(runner, answer->id);
    if (sandbox != NULL && sandbox->state == SANDBOX_ASKING &&
        sandbox->event.monotonic_ns == answer->asked_ns)
        verdict_answer(sandbox, answer);
}

static void on_keeper(void *context, uint32_t events)
{
    struct runner *runner = context;
    struct audit *audit = &runner->audit;
    struct keeper_frame frame;
    ssize_t size = recv(audit->keeper.fd, &frame.header, KEEPER_FRAME_SIZE, MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
        lose_keeper(runner);
    else if (size > 0) { /* it knows us, or has an answer */
        audit->is_open = true;
        take_answer(runner, keeper_frame_answer(&frame, (size_t)size));
    }
    if ((events & EPOLLOUT) != 0 && audit->is_full) {
        audit->is_full = false;
        watch_change(&audit->keeper, EPOLLIN);
    }
    flush_and_tell(runner);
}

static int greet(struct runner *runner)
{
    struct audit *audit = &runner->audit;
    struct keeper_frame greeting;
    size_t size = keeper_frame_greet(&greeting, audit->session);
    int result = watch_begin(&audit->keeper, &runner->loop, unix_socket_connect(audit->path),
                             on_keeper, runner);
    if (result < 0)
        return result;
    return (int)send(audit->keeper.fd, &greeting.header, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Until it has answered; and when it has been away for too long, events go on without it. */
static void look_after_keeper(void *context)
{
    struct runner *runner = context;
    struct audit *audit = &runner->audit;
    if (audit->is_open)
        return;
    if (audit->keeper.fd < 0 && greet(runner) < 0)
        watch_close(&audit->keeper);
    expect_keeper(runner);
    flush_and_tell(runner);
}

void audit_open(struct runner *runner)
{
    runner->audit.give_up_ns = runner_deadline(runner, KEEPER_PATIENCE_MS);
    if (runner->audit.path != NULL)
        look_after_keeper(runner);
}
