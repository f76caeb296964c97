/* The control socket: a few untrusted clients, one question each, nothing that waits for them. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "init/agent-init/init.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/unix_socket.h"

/* Before listening again when there was no descriptor or memory for a connection. */
#define LISTEN_RETRY_MS 1000

static void drop(struct client *client)
{
    event_loop_remove(&client->init->loop, client->source);
    cleanup_close(&client->fd);
    client->mode = CLIENT_FREE;
}

/* False when the client did not take it and was dropped: its buffer holds the longest answer. */
static bool send_reply(struct client *client, struct init_reply *reply)
{
    reply->version = INIT_PROTOCOL_VERSION;
    if (send(client->fd, reply, sizeof(*reply), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    drop(client);
    return false;
}

/* The last word: END, or ERROR with a positive errno. */
static void finish(struct client *client, int error)
{
    struct init_reply reply = {.type = error == 0 ? INIT_REPLY_END : INIT_REPLY_ERROR,
                               .error = (uint32_t)error};
    if (send_reply(client, &reply))
        drop(client);
}

static struct init_reply describe_session(const struct init *init)
{
    bool is_done = init->state == INIT_SESSION_DONE;
    return (struct init_reply){
        .type = INIT_REPLY_SESSION,
        .session = {.state = init->state,
                    .service_count = init->service_count,
                    .started_monotonic_ns = init->started_ns,
                    .now_monotonic_ns = clock_monotonic_ns(),
                    .stop_grace_ms = init->grace_ms,
                    .exit_code = is_done ? session_exit_code(&init->outcome) : -1}};
}

static struct init_reply describe_service(const struct service *service)
{
    bool is_backing_off = service->state == INIT_STATE_BACKOFF;
    struct init_reply reply = {
        .type = INIT_REPLY_SERVICE,
        .service = {.state = service->state,
                    .flags = service->row.flags,
                    .pid = service->child.pid,
                    .restarts = service->restarts,
                    .last_wait_status = service->last_wait_status,
                    .stored_fds = service->stored_count,
                    .since_monotonic_ns = service->since_ns,
                    .next_start_monotonic_ns = is_backing_off ? service->timer_ns : 0}};
    memcpy(reply.service.name, service->row.name, sizeof(reply.service.name));
    return reply;
}

static void send_status(struct init *init, struct client *client)
{
    struct init_reply reply = describe_session(init);
    bool is_open = send_reply(client, &reply);
    for (uint32_t i = 0; i < init->service_count && is_open; i++) {
        reply = describe_service(&init->services[i]);
        is_open = send_reply(client, &reply);
    }
    if (is_open)
        finish(client, 0);
}

static struct service *find_service(struct init *init, const char *name)
{
    for (uint32_t i = 0; i < init->service_count; i++) {
        if (strcmp(init->services[i].row.name, name) == 0)
            return &init->services[i];
    }
    return NULL;
}

/* Carries out STOP or RESTART. 0, or the positive errno of the refusal. */
static int obey(struct init *init, const struct client *client, const struct init_request *request)
{
    if (!client->is_root)
        return EPERM;
    if (request->type == INIT_REQUEST_STOP && request->service[0] == '\0') {
        session_request_stop(init, 0);
        return 0;
    }
    struct service *service = find_service(init, request->service);
    if (service == NULL)
        return ENOENT;
    if (init->state != INIT_SESSION_RUNNING)
        return ECANCELED;
    if (request->type == INIT_REQUEST_STOP)
        supervisor_stop(init, service);
    else if (service->row.flags & INIT_SERVICE_MAIN)
        return EINVAL; /* its end is the end of the session */
    else
        supervisor_restart(init, service);
    return 0;
}

static void answer(struct init *init, struct client *client, const struct init_request *request)
{
    switch ((enum init_request_type)request->type) {
    case INIT_REQUEST_STATUS:
        send_status(init, client);
        return;
    case INIT_REQUEST_STOP:
    case INIT_REQUEST_RESTART:
        finish(client, obey(init, client, request));
        return;
    case INIT_REQUEST_EVENTS:
    case INIT_REQUEST_FOLLOW:
        client->mode = request->type == INIT_REQUEST_EVENTS ? CLIENT_EVENTS : CLIENT_FOLLOW;
        client->next_sequence =
            init->last_sequence > INIT_EVENTS_MAX ? init->last_sequence - INIT_EVENTS_MAX + 1 : 1;
        return;
    case INIT_REQUEST_WAIT:
        client->mode = CLIENT_WAIT;
        memcpy(client->service, request->service, sizeof(client->service));
        return;
    }
    finish(client, EPROTO);
}

static void on_client(void *context, uint32_t events)
{
    struct client *client = context;
    struct init_request request;
    (void)events;
    ssize_t size = recv(client->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
    bool is_request = size == sizeof(request) && request.version == INIT_PROTOCOL_VERSION &&
                      memchr(request.service, '\0', sizeof(request.service)) != NULL;
    if (client->mode != CLIENT_IDLE || size <= 0)
        drop(client); /* gone, or it talks while it should listen */
    else if (is_request)
        answer(client->init, client, &request);
    else
        finish(client, EPROTO);
}

/* A free place, if the peer may have one: the last ones are kept for uid 0. */
static struct client *find_place(struct init *init, bool is_root)
{
    struct client *place = NULL;
    int left = is_root ? 0 : -INIT_CLIENTS_RESERVED;
    for (int i = 0; i < INIT_CLIENTS_MAX; i++) {
        if (init->clients[i].mode != CLIENT_FREE)
            continue;
        place = &init->clients[i];
        left++;
    }
    return left > 0 ? place : NULL;
}

/* Takes over FD when there is a place for it. */
static void admit(struct init *init, int *fd, uid_t uid)
{
    struct client *client = find_place(init, uid == 0);
    int source = client == NULL ? -1 : event_loop_add(&init->loop, *fd, EPOLLIN, on_client, client);
    if (source >= 0)
        *client = (struct client){.init = init,
                                  .mode = CLIENT_IDLE,
                                  .fd = steal_fd(fd),
                                  .source = source,
                                  .is_root = uid == 0};
}

static void on_connection(void *context, uint32_t events)
{
    struct init *init = context;
    uid_t uid;
    (void)events;
    cleanup_fd int fd = unix_socket_accept(init->control_fd, &uid);
    if (fd >= 0)
        admit(init, &fd, uid);
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS)
        session_tick(init, LISTEN_RETRY_MS);
    else
        control_listen(init);
}

void control_listen(struct init *init)
{
    if (init->control_fd >= 0)
        event_loop_modify(&init->loop, init->control_source, EPOLLIN | EPOLLONESHOT);
}

static int open_socket(struct init *init)
{
    if (mkdir(INIT_RUN_DIRECTORY, 0755) < 0 && errno != EEXIST)
        return -errno;
    cleanup_fd int fd = unix_socket_listen(INIT_CONTROL_SOCKET, 0666, INIT_CLIENTS_MAX);
    if (fd < 0)
        return fd;
    init->control_source =
        event_loop_add(&init->loop, fd, EPOLLIN | EPOLLONESHOT, on_connection, init);
    if (init->control_source < 0)
        return init->control_source;
    init->control_fd = steal_fd(&fd);
    return 0;
}

void control_open(struct init *init)
{
    int result = open_socket(init);
    if (result < 0)
        diagnostic_say("no control socket " INIT_CONTROL_SOCKET ": ", strerror(-result),
                       "; agent-initctl will not work", NULL);
}

static void settle_stream(struct init *init, struct client *client)
{
    while (client->next_sequence <= init->last_sequence) {
        const struct init_event *event = events_find(init, client->next_sequence++);
        if (event == NULL)
            continue; /* overwritten: the gap in the sequence tells */
        struct init_reply reply = {.type = INIT_REPLY_EVENT, .event = *event};
        if (!send_reply(client, &reply))
            return;
    }
    if (client->mode == CLIENT_EVENTS || init->state == INIT_SESSION_DONE)
        finish(client, 0);
}

static void settle_wait(struct init *init, struct client *client)
{
    const struct service *service = find_service(init, client->service);
    if (init->state == INIT_SESSION_BOOTING)
        return;
    if (init->state != INIT_SESSION_RUNNING)
        finish(client, ECANCELED);
    else if (service == NULL)
        finish(client, ENOENT);
    else if (service->state == INIT_STATE_READY)
        finish(client, 0);
    else if (service->state == INIT_STATE_EXITED || service->state == INIT_STATE_FAILED)
        finish(client, ESRCH);
}

void control_settle(struct init *init)
{
    for (int i = 0; i < INIT_CLIENTS_MAX; i++) {
        struct client *client = &init->clients[i];
        if (client->mode == CLIENT_EVENTS || client->mode == CLIENT_FOLLOW)
            settle_stream(init, client);
        else if (client->mode == CLIENT_WAIT)
            settle_wait(init, client);
    }
}
