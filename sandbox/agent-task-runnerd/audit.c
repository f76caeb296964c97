/* Puts events on record with the keeper, in order, keeping a few while it is slow or away. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/channel_frame.h"
#include "sandbox/agent-task-runnerd/runner.h"

_Static_assert(sizeof(struct channel_header) == 12, "the head of struct audit_frame");

static void retry(void *context);

static struct audit_frame *frame_of(struct audit *audit, uint64_t number)
{
    return &audit->frames[number % AUDIT_FRAMES_MAX];
}

static size_t fill(struct audit_frame *frame, uint16_t type, const void *payload, size_t size)
{
    const struct channel_header header = {
        .magic = CHANNEL_MAGIC, .version = CHANNEL_VERSION, .type = type, .length = (uint32_t)size};
    memcpy(frame->bytes, &header, sizeof(header));
    memcpy(frame->bytes + sizeof(header), payload, size);
    frame->size = sizeof(header) + size;
    return frame->size;
}

/* One line: what people read in the log of a container without keeper. */
static void say(const struct audit_frame *frame)
{
    static const char *const kinds[] = {"?", "start", "end", "nested", "refused"};
    struct exec_event event;
    char uid[DIAGNOSTIC_NUMBER_SIZE];
    char pid[DIAGNOSTIC_NUMBER_SIZE];
    char status[DIAGNOSTIC_NUMBER_SIZE];
    memcpy(&event, frame->bytes + sizeof(struct channel_header), sizeof(event));
    uint32_t value = event.kind == EXEC_EVENT_END ? event.wait_status : event.error;
    diagnostic_say("exec ", kinds[event.kind < ARRAY_LENGTH(kinds) ? event.kind : 0], " ",
                   event.id[0] == '\0' ? "-" : event.id, " uid ", diagnostic_number(uid, event.uid),
                   " pid ", diagnostic_number(pid, (uint64_t)event.pid), " rule ",
                   event.rule[0] == '\0' ? "-" : event.rule, " status ",
                   diagnostic_number(status, value), " ", event.program,
                   event.text[0] == '\0' ? "" : ": ", event.text, NULL);
}

static void lose_keeper(struct runner *runner)
{
    struct audit *audit = &runner->audit;
    if (audit->fd >= 0)
        event_loop_remove(&runner->loop, audit->source);
    cleanup_close(&audit->fd);
    if (audit->state != AUDIT_AWAY)
        audit->away_ns = clock_monotonic_ns();
    audit->state = AUDIT_AWAY;
    audit->is_full = false;
    event_loop_set_timer(&runner->loop, TIMER_KEEPER,
                         clock_monotonic_ns() + RECONNECT_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                         retry, runner);
}

static bool is_given_up(const struct audit *audit)
{
    return audit->state == AUDIT_STDERR ||
           (audit->state == AUDIT_AWAY &&
            clock_monotonic_ns() - audit->away_ns >
                KEEPER_PATIENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND);
}

/* Sends what waits, as far as it goes. */
static void flush(struct runner *runner)
{
    struct audit *audit = &runner->audit;
    bool is_spoken = is_given_up(audit);
    while (audit->sent < audit->made && (is_spoken || audit->state == AUDIT_OPEN)) {
        const struct audit_frame *frame = frame_of(audit, audit->sent);
        if (is_spoken) {
            say(frame);
            audit->sent++;
            continue;
        }
        ssize_t count = send(audit->fd, frame->bytes, frame->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) {
            audit->is_full = true;
            event_loop_modify(&runner->loop, audit->source, EPOLLIN | EPOLLOUT);
            return;
        }
        if (count < 0) {
            lose_keeper(runner);
            return;
        }
        audit->sent++;
    }
}

static void tell_waiters(struct runner *runner)
{
    calls_on_recorded(runner);
    sandboxes_on_recorded(runner);
}

uint64_t audit_record(struct runner *runner, struct exec_event *event, const char *arguments)
{
    struct audit *audit = &runner->audit;
    struct audit_frame *frame = frame_of(audit, audit->made);
    event->version = EXEC_EVENT_VERSION;
    event->realtime_ns = clock_realtime_ns();
    event->monotonic_ns = clock_monotonic_ns();
    if (audit->made - audit->sent == AUDIT_FRAMES_MAX) {
        /* The reserve is sized so that this cannot be; then it is told, not lost. */
        say(frame_of(audit, audit->sent));
        audit->sent++;
    }
    fill(frame, CHANNEL_EXEC_EVENT, event, sizeof(*event));
    if (event->arguments_size > 0)
        memcpy(frame->bytes + frame->size, arguments, event->arguments_size);
    frame->size += event->arguments_size;
    const uint32_t length = (uint32_t)(frame->size - sizeof(struct channel_header));
    memcpy(frame->bytes + offsetof(struct channel_header, length), &length, sizeof(length));
    audit->made++;
    if (!audit->is_full)
        flush(runner);
    return audit->made;
}

bool audit_is_sent(const struct runner *runner, uint64_t number)
{
    return runner->audit.sent >= number;
}

static void on_keeper(void *context, uint32_t events)
{
    struct runner *runner = context;
    struct audit *audit = &runner->audit;
    char answer[sizeof(struct channel_header) + sizeof(struct channel_hello)];
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        ssize_t size = recv(audit->fd, answer, sizeof(answer), MSG_DONTWAIT);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            lose_keeper(runner);
            return;
        }
        /* It says nothing but that it knows us. */
        if (size > 0 && audit->state == AUDIT_GREETING)
            audit->state = AUDIT_OPEN;
    }
    if ((events & EPOLLOUT) != 0) {
        audit->is_full = false;
        event_loop_modify(&runner->loop, audit->source, EPOLLIN);
    }
    if (!audit->is_full)
        flush(runner);
    tell_waiters(runner);
}

static int greet(struct runner *runner)
{
    static struct audit_frame frame;
    struct audit *audit = &runner->audit;
    struct channel_hello hello = {.version = CHANNEL_VERSION, .role = CHANNEL_ROLE_RUNNER};
    memccpy(hello.session, audit->session, '\0', sizeof(hello.session) - 1);
    cleanup_fd int fd = unix_socket_connect(audit->keeper);
    if (fd < 0)
        return fd;
    fill(&frame, CHANNEL_HELLO, &hello, sizeof(hello));
    if (send(fd, frame.bytes, frame.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return -errno;
    int source = event_loop_add(&runner->loop, fd, EPOLLIN, on_keeper, runner);
    if (source < 0)
        return source;
    audit->fd = steal_fd(&fd);
    audit->source = source;
    audit->state = AUDIT_GREETING;
    return 0;
}

static void retry(void *context)
{
    struct runner *runner = context;
    if (greet(runner) == 0)
        return;
    lose_keeper(runner);
    if (runner->audit.made > runner->audit.sent) {
        flush(runner);
        tell_waiters(runner);
    }
}

void audit_open(struct runner *runner)
{
    runner->audit.fd = -1;
    if (runner->audit.keeper == NULL)
        return;
    runner->audit.state = AUDIT_AWAY;
    runner->audit.away_ns = clock_monotonic_ns();
    retry(runner);
}
