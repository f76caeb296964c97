/* The loop of a mux: frames that come, connections that are taken, and whose turn it is. */
#include "lib/base/mux.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mux_parts.h"

static void fail(struct mux *mux, int result)
{
    if (mux->failure == 0)
        mux->failure = result;
}

static int take_ready(struct mux *mux)
{
    if (mux->plan.open == NULL || mux->is_ready)
        return error_set(&mux->reason, EPROTO,
                         "it said twice, or to the wrong side, that it is ready");
    mux->is_ready = true;
    return 0;
}

static int take_open(struct mux *mux, const struct mux_header *header, const char *payload)
{
    struct mux_connection *connection = &mux->connections[header->id];
    const struct mux_service *service = &mux->plan.services[header->service];
    struct mux_caller caller;
    memcpy(&caller, payload, sizeof(caller));
    if (mux->plan.open == NULL || connection->is_used || service->type == 0 ||
        mux->counts[header->service] >= service->most || caller.uid == UINT32_MAX)
        return error_set(&mux->reason, EPROTO, "connection %u to service %u cannot be opened",
                         header->id, header->service);
    mux_connection_begin(connection, header->service,
                         mux->plan.open(mux->plan.context, header->service, &caller));
    connection->caller = caller;
    return 0;
}

static int take_credit(struct mux_connection *connection, const char *payload)
{
    uint32_t credit;
    memcpy(&credit, payload, sizeof(credit));
    if (credit > MUX_WINDOW - connection->credit)
        return error_set(&connection->mux->reason, EPROTO, "a credit that was not due");
    connection->credit += credit;
    return 0;
}

static int take_of_connection(struct mux *mux, const struct mux_header *header, const char *payload)
{
    struct mux_connection *connection = &mux->connections[header->id];
    if (!connection->is_used || connection->was_closed || connection->due_open)
        return error_set(&mux->reason, EPROTO, "a frame of connection %u, which is not open",
                         header->id);
    if (header->type == MUX_DATA)
        return mux_connection_take(connection, payload, header->size, &mux->reason);
    if (header->type == MUX_CREDIT)
        return take_credit(connection, payload);
    if (header->type == MUX_CLOSE)
        mux_connection_lose(connection);
    else if (connection->out_ended)
        return error_set(&mux->reason, EPROTO, "a second end of connection %u", header->id);
    else
        mux_connection_end(connection);
    return 0;
}

static int take_frame(struct mux *mux, const struct mux_header *header, const char *payload)
{
    if (header->type == MUX_READY)
        return take_ready(mux);
    if (!mux->is_ready)
        return error_set(&mux->reason, EPROTO, "it was not ready yet");
    if (header->type == MUX_OPEN)
        return take_open(mux, header, payload);
    return take_of_connection(mux, header, payload);
}

/* Whole frames out of what has come. */
static int take_input(struct mux *mux)
{
    size_t start = 0;
    int result = 0;
    struct mux_header header;
    while (result == 0 && mux->input_used - start >= sizeof(header)) {
        memcpy(&header, mux->input + start, sizeof(header));
        result = mux_frame_check(&header, &mux->reason);
        if (result < 0 || mux->input_used - start < sizeof(header) + header.size)
            break;
        result = take_frame(mux, &header, mux->input + start + sizeof(header));
        start += sizeof(header) + header.size;
    }
    mux->input_used -= start;
    memmove(mux->input, mux->input + start, mux->input_used);
    return result;
}

static void on_input(void *context, uint32_t events)
{
    struct mux *mux = context;
    (void)events;
    ssize_t count =
        read(mux->plan.input, mux->input + mux->input_used, sizeof(mux->input) - mux->input_used);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        fail(mux, count < 0 ? -errno : -EPIPE);
        return;
    }
    mux->input_used += (size_t)count;
    fail(mux, take_input(mux));
}

static void on_output(void *context, uint32_t events)
{
    struct mux *mux = context;
    if ((events & EPOLLOUT) == 0)
        fail(mux, -EPIPE);
}

static struct mux_connection *find_free(struct mux *mux)
{
    for (size_t i = 0; i < MUX_CONNECTIONS; i++) {
        if (!mux->connections[i].is_used)
            return &mux->connections[i];
    }
    return NULL;
}

static void on_listener(void *context, uint32_t events)
{
    struct mux_listener *listener = context;
    struct mux *mux = listener->mux;
    struct mux_connection *connection = find_free(mux);
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    (void)events;
    if (connection == NULL ||
        mux->counts[listener->service] >= mux->plan.services[listener->service].most) {
        /* Whoever comes now waits in the listener's queue. */
        listener->is_paused = true;
        event_loop_modify(&mux->loop, listener->source, 0);
        return;
    }
    cleanup_fd int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
        peer.uid == (uid_t)-1)
        return;
    mux_connection_begin(connection, listener->service, steal_fd(&fd));
    connection->caller = (struct mux_caller){.uid = peer.uid, .gid = peer.gid};
    connection->due_open = true;
}

void mux_count_down(struct mux *mux, unsigned int service)
{
    mux->counts[service]--;
    for (size_t i = 0; i < MUX_SERVICES; i++) {
        struct mux_listener *listener = &mux->listeners[i];
        if (!listener->is_paused)
            continue;
        listener->is_paused = false;
        event_loop_modify(&mux->loop, listener->source, EPOLLIN);
    }
}

static void on_linger(void *context)
{
    struct mux *mux = context;
    uint64_t now = clock_monotonic_ns();
    for (size_t i = 0; i < MUX_CONNECTIONS; i++) {
        uint64_t until = mux_connection_linger(&mux->connections[i], now);
        if (until != 0)
            mux_linger(mux, until);
    }
}

void mux_linger(struct mux *mux, uint64_t until_ns)
{
    uint64_t set = mux->timers[MUX_TIMER_LINGER].deadline_ns;
    if (set == 0 || until_ns < set)
        event_loop_set_timer(&mux->loop, MUX_TIMER_LINGER, until_ns, on_linger, mux);
}

int mux_open(struct mux *mux, const struct mux_plan *plan)
{
    mux->plan = *plan;
    for (size_t i = 0; i < MUX_CONNECTIONS; i++)
        mux->connections[i] = (struct mux_connection){.mux = mux, .fd = -1, .source = -1};
    for (size_t i = 0; i < MUX_SERVICES; i++)
        mux->listeners[i] = (struct mux_listener){.mux = mux, .fd = -1, .source = -1};
    int result = event_loop_open(&mux->loop, mux->sources, ARRAY_LENGTH(mux->sources), mux->timers,
                                 ARRAY_LENGTH(mux->timers));
    if (result < 0)
        return result;
    mux->input_source = event_loop_add(&mux->loop, plan->input, EPOLLIN, on_input, mux);
    mux->output_source = event_loop_add(&mux->loop, plan->output, 0, on_output, mux);
    if (mux->input_source < 0)
        return mux->input_source;
    return mux->output_source < 0 ? mux->output_source : 0;
}

void mux_close(struct mux *mux)
{
    for (size_t i = 0; i < MUX_CONNECTIONS; i++)
        mux_connection_drop(&mux->connections[i]);
    for (size_t i = 0; i < MUX_SERVICES; i++)
        cleanup_close(&mux->listeners[i].fd);
    event_loop_close(&mux->loop);
}

int mux_listen(struct mux *mux, unsigned int service, int fd)
{
    struct mux_listener *listener = &mux->listeners[service];
    listener->fd = fd;
    listener->service = (uint8_t)service;
    listener->source = event_loop_add(&mux->loop, fd, EPOLLIN, on_listener, listener);
    return listener->source < 0 ? listener->source : 0;
}

void mux_say_ready(struct mux *mux)
{
    mux->due_ready = true;
}

/* Everybody says what is due; each time another one is the first. */
static void take_turns(struct mux *mux)
{
    if (mux->due_ready && mux_output_put(mux, MUX_READY, NULL, NULL, 0)) {
        mux->due_ready = false;
        mux->is_ready = true;
    }
    mux->turn = (mux->turn + 1) % MUX_CONNECTIONS;
    for (size_t i = 0; mux->is_ready && i < MUX_CONNECTIONS; i++)
        mux_connection_turn(&mux->connections[(mux->turn + i) % MUX_CONNECTIONS]);
    fail(mux, mux_output_write(mux));
    for (size_t i = 0; i < MUX_CONNECTIONS; i++)
        mux_connection_watch(&mux->connections[i]);
}

int mux_run_once(struct mux *mux, int timeout_ms)
{
    if (mux->failure == 0)
        take_turns(mux);
    if (mux->failure == 0)
        fail(mux, event_loop_run_once(&mux->loop, timeout_ms));
    return mux->failure;
}

int mux_feed(struct mux *mux, const void *data, size_t size)
{
    while (mux->failure == 0 && size > 0) {
        size_t room = sizeof(mux->input) - mux->input_used;
        size_t count = size < room ? size : room;
        memcpy(mux->input + mux->input_used, data, count);
        mux->input_used += count;
        data = (const char *)data + count;
        size -= count;
        fail(mux, take_input(mux));
    }
    return mux->failure;
}
