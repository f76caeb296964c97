/* Connections of relays, of agent-task-runnerctl and of agentcli-exec. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "lib/base/unix_socket.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/request.h"

#define BACKLOG 1024

static void on_message(void *context, uint32_t events);

static void watch_listen(struct runner *runner, bool is_accepting)
{
    struct clients *clients = &runner->clients;
    if (clients->is_accepting == is_accepting)
        return;
    clients->is_accepting = is_accepting;
    event_loop_modify(&runner->loop, clients->listen_source, is_accepting ? EPOLLIN : 0);
}

void clients_free(struct client *client)
{
    struct runner *runner = client->runner;
    if (client->state == CLIENT_HANDED)
        sandboxes_on_client_gone(client);
    if (client->source >= 0)
        event_loop_remove(&runner->loop, client->source);
    client->source = -1;
    cleanup_close(&client->connection);
    cleanup_close(&client->pidfd);
    unix_fds_close(&client->fds);
    client->state = CLIENT_FREE;
    watch_listen(runner, true);
}

void clients_refuse(struct client *client, int error, const char *text)
{
    struct task_reply reply = {.header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_ERROR},
                               .code = (uint32_t)error};
    memccpy(reply.text, text, '\0', sizeof(reply.text) - 1);
    const struct unix_message message = {.data = &reply, .size = sizeof(reply)};
    /* A client that is gone or does not read has no use for it. */
    (void)unix_message_send(client->connection, &message);
    clients_free(client);
}

struct client *clients_next(struct runner *runner, uint32_t profile)
{
    struct client *next = NULL;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &runner->clients.rows[i];
        if (client->state == CLIENT_QUEUED && client->profile == profile &&
            (next == NULL || client->number < next->number))
            next = client;
    }
    return next;
}

size_t clients_count_queued(const struct runner *runner, uint32_t profile)
{
    size_t count = 0;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &runner->clients.rows[i];
        count += client->state == CLIENT_QUEUED && client->profile == profile;
    }
    return count;
}

void clients_queue(struct client *client, uint32_t profile)
{
    client->state = CLIENT_QUEUED;
    client->profile = profile;
    client->deadline_ns =
        clock_monotonic_ns() + QUEUE_PATIENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    runner_expect(client->runner);
    pool_balance(client->runner);
}

void clients_watch_again(struct client *client)
{
    client->source =
        event_loop_add(&client->runner->loop, client->connection, 0, on_message, client);
}

/* The process behind the connection, for as long as its command runs. */
static int take_identity(struct client *client)
{
    struct call *ticket = NULL;
    client->program[0] = '\0';
    if ((client->run.flags & TASK_RUN_TICKET) != 0) {
        ticket = ticket_find(client);
        if (ticket == NULL)
            return -EPERM;
        memcpy(client->program, ticket->path, sizeof(client->program));
        client->pidfd = ticket->pidfd;
        event_loop_remove(&client->runner->loop, ticket->source);
        ticket->source = -1;
        ticket->pidfd = -1;
        calls_free(ticket);
        return 0;
    }
    client->pidfd = sys_pidfd_open(client->pid, 0);
    return client->pidfd < 0 ? client->pidfd : 0;
}

/* From now on the connection belongs to the sandbox to come: nothing more is read from it. */
static void begin_run(struct client *client)
{
    int result = take_identity(client);
    if (result < 0) {
        client->runner->refused++;
        clients_refuse(client, -result,
                       result == -EPERM ? "no exec of this process was let through"
                                        : "the caller cannot be watched");
        return;
    }
    event_loop_modify(&client->runner->loop, client->source, 0);
    clients_queue(client, 0);
}

static void on_message(void *context, uint32_t events)
{
    struct client *client = context;
    union request request;
    if (client->state != CLIENT_ACCEPTED || (events & EPOLLIN) == 0) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0)
            clients_free(client);
        else
            operator_continue(client);
        return;
    }
    ssize_t size =
        unix_message_receive(client->connection, &request, sizeof(request), &client->fds);
    if (size == -EAGAIN)
        return;
    if (size == 0) {
        clients_free(client);
        return;
    }
    int result = size < 0 ? (int)size : request_check(&request, (size_t)size, client->fds.count);
    if (result < 0) {
        client->runner->refused++;
        clients_refuse(client, -result, "not a request");
        return;
    }
    if (request.header.type != TASK_RUN) {
        operator_serve(client, &request.other);
        return;
    }
    client->run = request.run;
    begin_run(client);
}

static struct client *find_free(struct runner *runner)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (runner->clients.rows[i].state == CLIENT_FREE)
            return &runner->clients.rows[i];
    }
    return NULL;
}

static size_t count_unticketed(const struct runner *runner, uid_t uid)
{
    size_t count = 0;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &runner->clients.rows[i];
        count += client->state != CLIENT_FREE && !client->is_ticketed && client->uid == uid;
    }
    return count;
}

/* CONNECTION is taken. */
static void admit(struct runner *runner, struct client *client, int connection)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    *client = (struct client){.runner = runner,
                              .state = CLIENT_ACCEPTED,
                              .connection = connection,
                              .source = -1,
                              .pidfd = -1,
                              .accepted_ns = clock_monotonic_ns(),
                              .number = runner->clients.count++};
    client->deadline_ns =
        client->accepted_ns + CLIENT_PATIENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        clients_free(client);
        return;
    }
    client->pid = peer.pid;
    client->uid = peer.uid;
    client->is_ticketed = ticket_find(client) != NULL;
    if (!client->is_ticketed && peer.uid != 0 &&
        count_unticketed(runner, peer.uid) > CLIENTS_UNTICKETED_MAX) {
        clients_refuse(client, EAGAIN, "this user has too many connections");
        return;
    }
    client->source = event_loop_add(&runner->loop, connection, EPOLLIN, on_message, client);
    if (client->source < 0)
        clients_free(client);
    runner_expect(runner);
}

static void on_connection(void *context, uint32_t events)
{
    struct runner *runner = context;
    uid_t uid;
    (void)events;
    struct client *client = find_free(runner);
    if (client == NULL) { /* they wait in the kernel */
        watch_listen(runner, false);
        return;
    }
    int connection = unix_socket_accept(runner->clients.listen_fd, &uid);
    if (connection >= 0)
        admit(runner, client, connection);
}

int clients_open(struct runner *runner, struct error *err)
{
    struct clients *clients = &runner->clients;
    clients->listen_fd = unix_socket_listen(TASK_RUNNER_SOCKET, 0666, BACKLOG);
    if (clients->listen_fd < 0)
        return error_set(err, -clients->listen_fd, "listen at '" TASK_RUNNER_SOCKET "'");
    clients->listen_source =
        event_loop_add(&runner->loop, clients->listen_fd, EPOLLIN, on_connection, runner);
    clients->is_accepting = true;
    return clients->listen_source < 0
               ? error_set(err, -clients->listen_source, "watch '" TASK_RUNNER_SOCKET "'")
               : 0;
}

void clients_on_reloaded(struct runner *runner, int error, const char *text)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &runner->clients.rows[i];
        if (client->state == CLIENT_RELOADING)
            operator_answer(client, error, text);
        else if (client->state == CLIENT_QUEUED && error == 0)
            client->profile = 0; /* those of another policy have other numbers */
    }
}

void clients_on_tick(struct runner *runner, uint64_t now_ns)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &runner->clients.rows[i];
        if (client->state == CLIENT_FREE || client->state == CLIENT_HANDED)
            continue;
        if (client->deadline_ns > now_ns)
            runner_expect(runner);
        else if (client->state == CLIENT_QUEUED)
            clients_refuse(client, EAGAIN, "no sandbox could be made in time");
        else
            clients_refuse(client, ETIMEDOUT, "nothing was asked or read in time");
    }
}
