/* Hands bytes between commands and the git proxy. */
#include "stubs/agent-git-relay/relay.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

static void listen_again(struct relay *relay)
{
    if (!relay->is_full)
        return;
    relay->is_full = false;
    event_loop_modify(&relay->loop, relay->listener_source, EPOLLIN);
}

static void close_pair(struct relay_pair *pair)
{
    struct relay *relay = pair->relay;
    for (int side = 0; side < RELAY_SIDES; side++) {
        struct relay_end *end = &pair->ends[side];
        if (end->fd >= 0 && end->source >= 0)
            event_loop_remove(&relay->loop, end->source);
        cleanup_close(&end->fd);
        end->source = -1;
    }
    listen_again(relay);
}

/* Reads what there is room for, and of what is for nobody everything. */
static void fill(struct relay_flow *flow, int fd)
{
    if (flow->start == flow->end)
        flow->start = flow->end = 0;
    if (flow->has_ended || flow->end == RELAY_BUFFER)
        return;
    ssize_t count = recv(fd, flow->data + flow->end, RELAY_BUFFER - flow->end, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    flow->end += count > 0 && !flow->is_told ? (size_t)count : 0;
    flow->has_ended = count <= 0;
}

/* Nobody takes what SIDE says. The proxy hears so at once, by the end of its connection. With a
 * command that waits: tcp(7) throws away what is on its way to whoever has said more than was read.
 */
static void abandon(struct relay_pair *pair, int side)
{
    struct relay_flow *flow = &pair->flows[side];
    flow->start = flow->end = 0;
    flow->is_told = true;
    flow->has_ended |= side == RELAY_PROXY;
}

/* Writes what there is of SIDE's, and passes the end on. */
static void drain(struct relay_pair *pair, int side)
{
    struct relay_flow *flow = &pair->flows[side];
    int fd = pair->ends[RELAY_SIDES - 1 - side].fd;
    if (flow->start < flow->end) {
        ssize_t count = send(fd, flow->data + flow->start, flow->end - flow->start,
                             MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            abandon(pair, side);
        flow->start += count > 0 ? (size_t)count : 0;
    }
    if (flow->start == flow->end && flow->has_ended && !flow->is_told) {
        flow->is_told = true;
        shutdown(fd, SHUT_WR);
    }
}

/* Of one that hung up all is here that will ever come, and nothing says so again. */
static void move_bytes(struct relay_pair *pair, int side)
{
    struct relay_flow *flow = &pair->flows[side];
    do {
        fill(flow, pair->ends[side].fd);
        drain(pair, side);
    } while (pair->ends[side].is_hung && !flow->has_ended && flow->start == flow->end);
}

/* What SIDE is waited for: to say more where there is room, to take what there is for it. */
static uint32_t wanted(const struct relay_pair *pair, int side)
{
    const struct relay_flow *from = &pair->flows[side];
    const struct relay_flow *to = &pair->flows[RELAY_SIDES - 1 - side];
    bool has_room = !from->has_ended && (from->start == from->end || from->end < RELAY_BUFFER);
    return (has_room ? EPOLLIN : 0u) | (to->start < to->end ? EPOLLOUT : 0u);
}

/* END takes nothing any more; what it has said before is still for the other one. epoll(7) would
 * say it for ever. */
static void hang_up(struct relay_end *end)
{
    struct relay_pair *pair = end->pair;
    event_loop_remove(&pair->relay->loop, end->source);
    end->source = -1;
    end->is_hung = true;
    abandon(pair, RELAY_SIDES - 1 - (int)(end - pair->ends));
}

static bool is_said(const struct relay_pair *pair)
{
    return pair->flows[RELAY_COMMAND].is_told && pair->flows[RELAY_PROXY].is_told;
}

/* Everything is said, and only the command's own end is waited for. */
static bool is_lingering(const struct relay_pair *pair)
{
    return is_said(pair) && !pair->flows[RELAY_COMMAND].has_ended;
}

static void on_end(void *context, uint32_t events)
{
    struct relay_end *end = context;
    struct relay_pair *pair = end->pair;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        hang_up(end);
    for (int side = 0; side < RELAY_SIDES; side++)
        move_bytes(pair, side);
    if (is_lingering(pair))
        listen_again(pair->relay);
    if (is_said(pair) && !is_lingering(pair)) {
        close_pair(pair);
        return;
    }
    for (int side = 0; side < RELAY_SIDES; side++) {
        if (pair->ends[side].source >= 0)
            event_loop_modify(&pair->relay->loop, pair->ends[side].source, wanted(pair, side));
    }
}

static int connect_proxy(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : steal_fd(&fd);
}

/* Who only lingers gives way. */
static struct relay_pair *find_free(struct relay *relay)
{
    struct relay_pair *lingering = NULL;
    for (size_t i = 0; i < RELAY_PAIRS; i++) {
        struct relay_pair *pair = &relay->pairs[i];
        if (pair->ends[RELAY_COMMAND].fd < 0)
            return pair;
        if (is_lingering(pair))
            lingering = pair;
    }
    if (lingering != NULL)
        close_pair(lingering);
    return lingering;
}

static void on_listener(void *context, uint32_t events)
{
    struct relay *relay = context;
    struct relay_pair *pair = find_free(relay);
    (void)events;
    if (pair == NULL) {
        relay->is_full = true;
        event_loop_modify(&relay->loop, relay->listener_source, 0);
        return;
    }
    int caller = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (caller < 0)
        return;
    memset(pair->flows, 0, sizeof(pair->flows));
    pair->ends[RELAY_COMMAND].fd = caller;
    /* A proxy that is gone: git says that the connection was closed. */
    pair->ends[RELAY_PROXY].fd = connect_proxy(relay->socket);
    for (int side = 0; side < RELAY_SIDES; side++) {
        struct relay_end *end = &pair->ends[side];
        end->is_hung = false;
        end->source =
            end->fd < 0 ? -1 : event_loop_add(&relay->loop, end->fd, EPOLLIN, on_end, end);
        if (end->source < 0) {
            close_pair(pair);
            return;
        }
    }
}

int relay_run(struct relay *relay)
{
    for (size_t i = 0; i < RELAY_PAIRS; i++) {
        struct relay_pair *pair = &relay->pairs[i];
        pair->relay = relay;
        for (int side = 0; side < RELAY_SIDES; side++)
            pair->ends[side] = (struct relay_end){.pair = pair, .fd = -1, .source = -1};
    }
    int result = event_loop_open(&relay->loop, relay->sources, ARRAY_LENGTH(relay->sources),
                                 relay->timers, ARRAY_LENGTH(relay->timers));
    if (result == 0) {
        relay->listener_source =
            event_loop_add(&relay->loop, relay->listener, EPOLLIN, on_listener, relay);
        result = relay->listener_source < 0 ? relay->listener_source : 0;
    }
    while (result == 0)
        result = event_loop_run_once(&relay->loop, -1);
    return result;
}
