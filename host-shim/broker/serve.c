/* The broker's two sockets: the container's, in the directory that it is given, and the host's,
 * beside that directory. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/wait_limit.h"
#include "lib/host/broker_client.h"
#include "lib/host/keeper_tell.h"
#include "lib/host/session_socket.h"

/* A connection that is neither agent-boot's nor a lease has this long. */
#define PATIENCE_MS 5000

void serve_close_visitor(struct visitor *visitor)
{
    if (visitor->fd < 0)
        return;
    event_loop_remove(&visitor->broker->loop, visitor->source);
    cleanup_close(&visitor->fd);
    explicit_bzero(&visitor->pair, sizeof(visitor->pair));
    explicit_bzero(&visitor->session, sizeof(visitor->session));
    if (visitor->broker->renewing == visitor)
        visitor->broker->renewing = NULL;
    visitor->issue = NULL;
    visitor->state = VISITOR_NEW;
}

void serve_close_all(struct broker *broker)
{
    for (size_t i = 0; i < BROKER_VISITORS; i++)
        serve_close_visitor(&broker->visitors[i]);
    cleanup_close(&broker->listener);
    cleanup_close(&broker->host_listener);
}

static void tell_released(const struct visitor *visitor)
{
    char token[2 * CAPABILITY_TOKEN_BYTES + 1];
    const struct capability *capability = &visitor->issue->capability;
    sodium_bin2hex(token, sizeof(token), capability->token, sizeof(capability->token));
    keeper_tell_event(visitor->broker->child.keeper, AUDIT_CAPABILITY_RELEASED,
                      json_pack("{s:s, s:s, s:s}", "stub", capability->stub, "secret",
                                capability->secret, "token", token));
}

static void on_visitor(void *context, uint32_t events)
{
    (void)events;
    struct visitor *visitor = context;
    struct broker *broker = visitor->broker;
    ssize_t count =
        recv(visitor->fd, broker->message, sizeof(broker->message), MSG_DONTWAIT | MSG_TRUNC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count > 0) {
        answer_message(visitor, broker->message, (size_t)count);
        return;
    }
    /* Of a sidecar that ended every connection is at its end, and no holder is known to be. */
    broker->is_over = broker->is_over || keeper_child_is_cut_off(&broker->child);
    if (visitor->state == VISITOR_LEASED && !broker->is_over)
        tell_released(visitor);
    serve_close_visitor(visitor);
}

static void on_patience(void *context)
{
    struct broker *broker = context;
    uint64_t now = clock_monotonic_ns();
    uint64_t next = 0;
    for (size_t i = 0; i < BROKER_VISITORS; i++) {
        struct visitor *visitor = &broker->visitors[i];
        uint64_t deadline = visitor->accepted_ns + PATIENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
        if (visitor->fd < 0 || visitor->state == VISITOR_ROOT || visitor->state == VISITOR_LEASED)
            continue;
        if (now >= deadline)
            answer_refuse(visitor, REDEEM_REASON_BUSY, "it said nothing for too long");
        else if (next == 0 || deadline < next)
            next = deadline;
    }
    if (next != 0)
        event_loop_set_timer(&broker->loop, BROKER_TIMER_PATIENCE, next, on_patience, broker);
}

/* A container that takes all it can have keeps nobody on the host from revoking. */
static struct visitor *find_place(struct broker *broker, bool is_host)
{
    size_t room = is_host ? BROKER_VISITORS : BROKER_VISITORS - BROKER_VISITORS_HOST;
    for (size_t i = 0; i < room; i++) {
        if (broker->visitors[i].fd < 0)
            return &broker->visitors[i];
    }
    return NULL;
}

static void admit(struct broker *broker, bool is_host)
{
    /* The host's own connections come by themselves, whatever the container's do. */
    static const struct keeper_child host = {.relay_count = 0};
    struct ucred peer = {.uid = (uid_t)-1};
    cleanup_fd int fd = is_host ? keeper_child_accept(&host, broker->host_listener, &peer)
                                : keeper_child_accept(&broker->child, broker->listener, &peer);
    broker->is_over = broker->is_over || fd == -EPIPE;
    if (fd < 0)
        return;
    struct visitor *visitor = find_place(broker, is_host);
    struct visitor guest = {
        .broker = broker, .fd = fd, .uid = peer.uid, .pid = peer.pid, .source = -1};
    if (visitor == NULL) {
        answer_refuse(&guest, REDEEM_REASON_BUSY, "too many connections");
        return;
    }
    int source = event_loop_add(&broker->loop, fd, EPOLLIN, on_visitor, visitor);
    if (source < 0)
        return;
    guest.source = source;
    guest.is_host = is_host;
    guest.accepted_ns = clock_monotonic_ns();
    *visitor = guest;
    (void)steal_fd(&fd);
    if (broker->timers[BROKER_TIMER_PATIENCE].deadline_ns == 0)
        on_patience(broker);
}

static void on_container(void *context, uint32_t events)
{
    (void)events;
    admit(context, false);
}

static void on_host(void *context, uint32_t events)
{
    (void)events;
    admit(context, true);
}

/* The keeper says nothing: what comes is its end, and with it the session's. */
static void on_keeper(void *context, uint32_t events)
{
    (void)events;
    struct broker *broker = context;
    broker->is_over = true;
}

int serve_open(struct broker *broker, struct error *err)
{
    for (size_t i = 0; i < BROKER_VISITORS; i++)
        broker->visitors[i] = (struct visitor){.broker = broker, .fd = -1};
    int result = event_loop_open(&broker->loop, broker->sources, ARRAY_LENGTH(broker->sources),
                                 broker->timers, BROKER_TIMER_COUNT);
    if (result == 0)
        result = wait_limit_open(false);
    if (result < 0)
        return error_set(err, -result, "make the event loop");
    /* Holders have no capability to pass permissions: the mode lets them in, SO_PEERCRED decides.
     */
    const struct keeper_child_door door = {.directory = broker->runtime_directory,
                                           .name = "sockets/" REDEEM_SOCKET,
                                           .type = SOCK_SEQPACKET,
                                           .backlog = BROKER_VISITORS};
    broker->listener = keeper_child_listen(&broker->child, &door, err);
    if (broker->listener < 0)
        return broker->listener;
    broker->host_listener = session_socket_listen(broker->runtime_directory, BROKER_CLIENT_SOCKET,
                                                  0600, BROKER_VISITORS, err);
    if (broker->host_listener < 0)
        return broker->host_listener;
    result = event_loop_add(&broker->loop, broker->listener, EPOLLIN, on_container, broker);
    if (result >= 0)
        result = event_loop_add(&broker->loop, broker->host_listener, EPOLLIN, on_host, broker);
    if (result >= 0)
        result = event_loop_add(&broker->loop, broker->child.keeper, EPOLLIN, on_keeper, broker);
    return result < 0 ? error_set(err, -result, "watch the sockets") : renew_watch(broker, err);
}
