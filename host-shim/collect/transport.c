/*
 * coding-agents-transport: what `git fetch` runs for ext::. Pumps bytes between git and two
 * inherited descriptors, counts those that come from the container, and ends the stream at the
 * limit.
 */
#include "host-shim/collect/transport.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"

#define USAGE "usage: coding-agents-transport WRITE-FD READ-FD REPORT-FD MAXIMUM-BYTES\n"
#define CHUNK (64 * 1024)

/* One direction: what is read from FROM and not yet written to TO. */
struct flow {
    int from;
    int to;
    size_t start;
    size_t end;
    bool is_open; /* more may come from FROM */
    char buffer[CHUNK];
};

struct transport {
    struct flow request; /* git to container */
    struct flow reply;   /* container to git */
    uint64_t limit;
    uint64_t deadline;
    struct transport_report report;
};

static bool parse_number(const char *text, unsigned long long maximum, unsigned long long *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *value <= maximum;
}

/* -EAGAIN: nothing to do now. -EPIPE: the far side is gone, which ends the flow. */
static int flow_read(struct flow *flow)
{
    ssize_t count = read(flow->from, flow->buffer, sizeof(flow->buffer));
    if (count < 0)
        return errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
    flow->start = 0;
    flow->end = (size_t)count;
    flow->is_open = count > 0;
    return 0;
}

static int flow_write(struct flow *flow)
{
    ssize_t count = write(flow->to, flow->buffer + flow->start, flow->end - flow->start);
    if (count < 0)
        return errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
    flow->start += (size_t)count;
    return 0;
}

static bool flow_has_data(const struct flow *flow)
{
    return flow->end > flow->start;
}

/* What to wait for: room in TO when there is data, data in FROM when there is none. */
static struct pollfd flow_poll(const struct flow *flow)
{
    if (flow_has_data(flow))
        return (struct pollfd){.fd = flow->to, .events = POLLOUT};
    return (struct pollfd){.fd = flow->is_open ? flow->from : -1, .events = POLLIN};
}

static int flow_step(struct flow *flow)
{
    if (flow_has_data(flow))
        return flow_write(flow);
    int result = flow_read(flow);
    /* The end is passed on. Towards the container others hold the descriptor too: only shutdown(2)
     * ends it. */
    if (result == 0 && !flow->is_open && shutdown(flow->to, SHUT_WR) < 0)
        close(flow->to);
    return result;
}

static bool end_with(struct transport *transport, enum transport_end end, int number)
{
    transport->report.end = (uint32_t)end;
    transport->report.number = number;
    return false;
}

/* One wait and what it brought. False when the transport is done. */
static bool pump_once(struct transport *transport)
{
    struct pollfd polls[2] = {flow_poll(&transport->request), flow_poll(&transport->reply)};
    int count = poll(polls, 2, TRANSPORT_IDLE_MS);
    if (count == 0 || clock_monotonic_ns() > transport->deadline)
        return end_with(transport, TRANSPORT_END_IDLE, 0);
    if (count < 0)
        return errno == EINTR || end_with(transport, TRANSPORT_END_FAILED, errno);
    struct flow *const flows[2] = {&transport->request, &transport->reply};
    for (int i = 0; i < 2; i++) {
        bool was_empty = !flow_has_data(flows[i]);
        if (polls[i].revents == 0)
            continue;
        int result = flow_step(flows[i]);
        if (result == -EPIPE && i == 1)
            return end_with(transport, TRANSPORT_END_CLOSED, 0);
        if (result == -EPIPE) {
            /* The container reads no more; what it said last still goes to git. */
            flows[i]->is_open = false;
            flows[i]->start = flows[i]->end;
            continue;
        }
        if (result < 0 && result != -EAGAIN)
            return end_with(transport, TRANSPORT_END_FAILED, -result);
        if (i == 1 && was_empty && result == 0)
            transport->report.received += flows[i]->end;
    }
    if (transport->report.received > transport->limit)
        return end_with(transport, TRANSPORT_END_LIMIT, 0);
    if (!transport->reply.is_open && !flow_has_data(&transport->reply))
        return end_with(transport, TRANSPORT_END_CLOSED, 0);
    return true;
}

int main(int argc, char **argv)
{
    static struct transport transport;
    unsigned long long values[4] = {0, 0, 0, 0};
    bool is_usage_ok = argc == 5;
    for (int i = 0; is_usage_ok && i < 4; i++)
        is_usage_ok = parse_number(argv[i + 1], i < 3 ? 1023 : UINT64_MAX, &values[i]);
    if (!is_usage_ok) {
        fd_write_text(STDERR_FILENO, USAGE);
        return EXIT_USAGE;
    }
    transport.request = (struct flow){.from = STDIN_FILENO, .to = (int)values[0], .is_open = true};
    transport.reply = (struct flow){.from = (int)values[1], .to = STDOUT_FILENO, .is_open = true};
    transport.limit = values[3];
    transport.deadline =
        clock_monotonic_ns() + TRANSPORT_TOTAL_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    signal(SIGPIPE, SIG_IGN);
    (void)fd_set_nonblocking(transport.request.to, true);
    (void)fd_set_nonblocking(transport.reply.to, true);
    while (pump_once(&transport))
        continue;
    (void)fd_write_all((int)values[2], &transport.report, sizeof(transport.report));
    return transport.report.end == TRANSPORT_END_CLOSED ? 0 : EXIT_COLLECT;
}
