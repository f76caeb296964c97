/* One connection of a mux: what its descriptor says, and what it is told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mux_parts.h"

/* Of a stream at once: others have their turn. */
#define STREAM_BYTES (64u * 1024)
/* What the other side left before it closed is kept so long for who does not read. */
#define LINGER_MS 10000

static uint32_t cost_of(const struct mux_connection *connection, uint32_t size)
{
    return connection->is_stream ? size : size + MUX_OVERHEAD;
}

static bool has_pending(const struct mux_connection *connection)
{
    return connection->pending != NULL;
}

static void drop_pending(struct mux_connection *connection)
{
    free(connection->pending);
    connection->pending = NULL;
    connection->pending_start = connection->pending_end = 0;
    connection->owed = connection->used;
}

static void stop_watching(struct mux_connection *connection)
{
    if (connection->source >= 0)
        event_loop_remove(&connection->mux->loop, connection->source);
    connection->source = -1;
}

static void close_here(struct mux_connection *connection)
{
    stop_watching(connection);
    cleanup_close(&connection->fd);
    drop_pending(connection);
    connection->due_end = false;
    connection->due_close = true;
}

/* How much may be read at once now: nothing without credit for the largest that can come. */
static uint32_t readable(const struct mux_connection *connection)
{
    uint32_t limit = MUX_MESSAGE_MAX;
    if (connection->fd < 0 || connection->in_ended || connection->due_open)
        return 0;
    if (connection->is_stream)
        limit = connection->credit < STREAM_BYTES ? connection->credit : STREAM_BYTES;
    else if (connection->credit < MUX_MESSAGE_MAX + MUX_OVERHEAD)
        return 0;
    return mux_output_room(connection->mux) < sizeof(struct mux_header) + limit ? 0 : limit;
}

/* True when there may be more. */
static bool read_one(struct mux_connection *connection)
{
    struct mux *mux = connection->mux;
    uint32_t limit = readable(connection);
    char *place = limit == 0 ? NULL : mux_output_reserve(mux, limit);
    if (place == NULL)
        return false;
    /* MSG_TRUNC gives the real length of a message: what was cut off is not passed on. */
    ssize_t count =
        recv(connection->fd, place, limit, MSG_DONTWAIT | (connection->is_stream ? 0 : MSG_TRUNC));
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count > (ssize_t)limit) {
        close_here(connection);
        return false;
    }
    if (count <= 0) {
        connection->in_ended = connection->due_end = true;
        return false;
    }
    const struct mux_header header = {.magic = MUX_MAGIC,
                                      .type = MUX_DATA,
                                      .service = connection->service,
                                      .id = (uint16_t)(connection - mux->connections),
                                      .size = (uint32_t)count};
    mux_output_commit(mux, &header);
    connection->credit -= cost_of(connection, header.size);
    return true;
}

/* As much of SIZE bytes as the descriptor takes: 0 when it takes none now, and all of them when it
 * takes none any more. */
static uint32_t send_some(struct mux_connection *connection, const char *data, uint32_t size)
{
    ssize_t count = send(connection->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0)
        return (uint32_t)count;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    connection->is_deaf = true;
    return size;
}

/* Puts what was not taken behind what is pending: there is room for a window, in which it counts.
 */
static bool keep(struct mux_connection *connection, const char *data, uint32_t size)
{
    size_t head = connection->is_stream ? 0 : sizeof(size);
    if (connection->pending == NULL)
        connection->pending = malloc(MUX_WINDOW);
    if (connection->pending == NULL)
        return false;
    if (MUX_WINDOW - connection->pending_end < head + size) {
        connection->pending_end -= connection->pending_start;
        memmove(connection->pending, connection->pending + connection->pending_start,
                connection->pending_end);
        connection->pending_start = 0;
    }
    memcpy(connection->pending + connection->pending_end, &size, head);
    memcpy(connection->pending + connection->pending_end + head, data, size);
    connection->pending_end += head + size;
    return true;
}

/* The next part of what is pending. False when the descriptor takes none now. */
static bool drain_one(struct mux_connection *connection)
{
    const char *data = connection->pending + connection->pending_start;
    uint32_t size = (uint32_t)(connection->pending_end - connection->pending_start);
    size_t head = connection->is_stream ? 0 : sizeof(size);
    memcpy(&size, data, head);
    uint32_t sent = send_some(connection, data + head, size);
    if (sent == 0)
        return false;
    connection->owed += cost_of(connection, sent);
    connection->pending_start += head + sent;
    if (connection->linger_ns != 0)
        connection->linger_ns =
            clock_monotonic_ns() + LINGER_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    return true;
}

static void drain(struct mux_connection *connection)
{
    while (has_pending(connection)) {
        if (connection->is_deaf || connection->pending_start == connection->pending_end)
            drop_pending(connection);
        else if (!drain_one(connection))
            return;
    }
}

/* What follows from how far both directions are. */
static void settle(struct mux_connection *connection)
{
    if (connection->fd < 0 || has_pending(connection))
        return;
    if (connection->out_ended && !connection->out_told) {
        connection->out_told = true;
        shutdown(connection->fd, SHUT_WR);
    }
    if (connection->was_closed ||
        (connection->in_ended && (connection->is_hung || connection->out_told)))
        close_here(connection);
}

/* It takes nothing any more; epoll(7) would say that for ever. What it said before is still read.
 */
static void hang_up(struct mux_connection *connection)
{
    stop_watching(connection);
    connection->is_hung = connection->is_deaf = true;
    drop_pending(connection);
}

static void on_descriptor(void *context, uint32_t events)
{
    struct mux_connection *connection = context;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        hang_up(connection);
    else if ((events & EPOLLIN) != 0)
        (void)read_one(connection);
    if (connection->fd >= 0)
        drain(connection);
    settle(connection);
}

void mux_connection_begin(struct mux_connection *connection, unsigned int service, int fd)
{
    struct mux *mux = connection->mux;
    *connection = (struct mux_connection){
        .mux = mux,
        .fd = fd,
        .source = -1,
        .service = (uint8_t)service,
        .is_used = true,
        .is_stream = mux->plan.services[service].type == SOCK_STREAM,
        .credit = MUX_WINDOW,
    };
    mux->counts[service]++;
    if (fd >= 0)
        connection->source = event_loop_add(&mux->loop, fd, 0, on_descriptor, connection);
    if (connection->source < 0)
        close_here(connection);
}

int mux_connection_take(struct mux_connection *connection, const char *data, uint32_t size,
                        struct error *err)
{
    uint32_t cost = cost_of(connection, size);
    uint32_t sent = 0;
    if (connection->out_ended)
        return error_set(err, EPROTO, "data of a connection that has ended");
    if (connection->used + cost > MUX_WINDOW)
        return error_set(err, EPROTO, "more of a connection than it may have under way");
    connection->used += cost;
    if (connection->fd < 0 || connection->is_deaf)
        sent = size;
    else if (!has_pending(connection))
        sent = send_some(connection, data, size);
    if (sent > 0)
        connection->owed += cost_of(connection, sent);
    if (sent < size && !keep(connection, data + sent, size - sent))
        close_here(connection);
    return 0;
}

void mux_connection_end(struct mux_connection *connection)
{
    connection->out_ended = true;
    settle(connection);
}

static void free_when_both_closed(struct mux_connection *connection)
{
    if (connection->has_closed && connection->was_closed) {
        connection->is_used = false;
        mux_count_down(connection->mux, connection->service);
    }
}

void mux_connection_lose(struct mux_connection *connection)
{
    connection->was_closed = connection->out_ended = true;
    if (has_pending(connection)) {
        connection->linger_ns =
            clock_monotonic_ns() + LINGER_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
        mux_linger(connection->mux, connection->linger_ns);
    }
    settle(connection);
    free_when_both_closed(connection);
}

uint64_t mux_connection_linger(struct mux_connection *connection, uint64_t now_ns)
{
    if (!connection->is_used || connection->linger_ns == 0 || !has_pending(connection))
        return 0;
    if (now_ns < connection->linger_ns)
        return connection->linger_ns;
    drop_pending(connection);
    settle(connection);
    return 0;
}

/* In the order in which they may come; false: there is no room, and the rest waits. */
static bool say_due(struct mux_connection *connection)
{
    struct mux *mux = connection->mux;
    if (connection->due_open) {
        if (!mux_output_put(mux, MUX_OPEN, connection, &connection->caller,
                            sizeof(connection->caller)))
            return false;
        connection->due_open = false;
    }
    if (connection->fd >= 0 && connection->owed >= MUX_WINDOW / 4) {
        if (!mux_output_put(mux, MUX_CREDIT, connection, &connection->owed,
                            sizeof(connection->owed)))
            return false;
        connection->used -= connection->owed;
        connection->owed = 0;
    }
    if (connection->due_end) {
        if (!mux_output_put(mux, MUX_END, connection, NULL, 0))
            return false;
        connection->due_end = false;
    }
    if (connection->due_close) {
        if (!mux_output_put(mux, MUX_CLOSE, connection, NULL, 0))
            return false;
        connection->due_close = false;
        connection->has_closed = true;
        free_when_both_closed(connection);
    }
    return true;
}

void mux_connection_turn(struct mux_connection *connection)
{
    if (!connection->is_used || !say_due(connection))
        return;
    while (connection->is_hung && read_one(connection))
        ;
    settle(connection);
    (void)(connection->is_used && say_due(connection));
}

void mux_connection_watch(struct mux_connection *connection)
{
    uint32_t wanted =
        (readable(connection) > 0 ? EPOLLIN : 0u) | (has_pending(connection) ? EPOLLOUT : 0u);
    if (!connection->is_used || connection->source < 0 || wanted == connection->watched)
        return;
    if (event_loop_modify(&connection->mux->loop, connection->source, wanted) == 0)
        connection->watched = wanted;
}

void mux_connection_drop(struct mux_connection *connection)
{
    if (!connection->is_used)
        return;
    close_here(connection);
    connection->is_used = false;
}
