/* Connections of relays, of agent-task-runnerctl and of agentcli-exec. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/syscalls.h"
#include "lib/base/unix_socket.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/request.h"

#define BACKLOG 1024

/* While there is no row or descriptor for another, they wait in the kernel; a tick looks again. */
static void set_full(struct clients *clients, bool is_full)
{
    if (clients->is_full == is_full)
        return;
    clients->is_full = is_full;
    watch_change(&clients->door, is_full ? 0 : EPOLLIN);
}

void clients_free(struct client *client)
{
    struct clients *clients = &client->runner->clients;
    watch_close(&client->connection);
    cleanup_close(&client->pidfd);
    unix_fds_close(&client->fds);
    client->state = CLIENT_FREE;
    while (clients->end > 0 && clients->rows[clients->end - 1].state == CLIENT_FREE)
        clients->end--;
    set_full(clients, false);
}

void clients_answer(struct client *client, int result, const char *why, int fd)
{
    struct task_reply reply = {.code = (uint32_t)-result};
    client->runner->status.refused += result < 0;
    if (result < 0)
        memccpy(reply.text, why, '\0', sizeof(reply.text) - 1);
    /* A client that is gone or does not read has no use for it. */
    (void)message_send(client->connection.fd, result < 0 ? TASK_ERROR : TASK_END, &reply,
                       sizeof(reply), result < 0 ? -1 : fd);
    clients_free(client);
}

void clients_refuse(struct client *client, int error, const char *text)
{
    clients_answer(client, error > 0 ? -error : -EPROTO, text, -1);
}

struct client *clients_next(struct runner *runner, uint32_t profile, size_t *count)
{
    struct client *next = NULL;
    *count = 0;
    for (size_t i = 0; i < runner->clients.end; i++) {
        struct client *client = &runner->clients.rows[i];
        if (client->state != CLIENT_QUEUED || client->profile != profile)
            continue;
        ++*count;
        if (next == NULL || client->accepted_ns < next->accepted_ns)
            next = client;
    }
    return next;
}

/* The process behind the connection, for as long as its command runs. NULL, or why not. */
static const char *take_identity(struct client *client)
{
    if ((client->start.run.flags & TASK_RUN_TICKET) == 0) {
        if (client->uid != 0 && sandboxes_count(client->runner, client->uid, SANDBOX_JUDGING,
                                                SANDBOX_ENDING) >= SANDBOXES_UNTICKETED_MAX)
            return "this user has too many commands";
        client->pidfd = sys_pidfd_open(client->pid, 0);
        return client->pidfd < 0 ? "the caller cannot be watched" : NULL;
    }
    struct call *ticket = client->is_ticketed ? ticket_find(client) : NULL;
    if (ticket == NULL)
        return "no exec of this process was let through";
    memcpy(client->start.program, ticket->path, sizeof(client->start.program));
    watch_stop(&ticket->end);
    client->pidfd = steal_fd(&ticket->end.fd);
    calls_free(ticket);
    return NULL;
}

static void begin_run(struct client *client, const struct task_run *run)
{
    client->start.run = *run;
    const char *why = take_identity(client);
    if (why == NULL)
        clients_queue(client, 0);
    else
        clients_refuse(client, EPERM, why);
}

static void on_message(void *context, uint32_t events)
{
    struct client *client = context;
    union request request;
    if (client->state != CLIENT_ACCEPTED) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0)
            clients_free(client);
        return;
    }
    ssize_t size =
        unix_message_receive(client->connection.fd, &request, sizeof(request), &client->fds);
    if (size == -EAGAIN)
        return;
    if (size == 0) {
        clients_free(client);
        return;
    }
    int result = size < 0 ? (int)size : request_check(&request, (size_t)size, client->fds.count);
    if (result < 0)
        clients_refuse(client, -result, "not a request, or there is no room for its descriptors");
    else if (request.header.type == TASK_RUN)
        begin_run(client, &request.run);
    else
        operator_serve(client, &request.other);
}

/* The connection belongs to the sandbox to come: nothing is read from it. */
void clients_queue(struct client *client, uint32_t profile)
{
    struct watch *connection = &client->connection;
    client->state = CLIENT_QUEUED;
    client->profile = profile;
    client->deadline_ns = runner_deadline(client->runner, QUEUE_PATIENCE_MS);
    if (connection->source < 0 &&
        watch_begin(connection, &client->runner->loop, connection->fd, on_message, client) < 0)
        clients_free(client);
    else
        watch_change(connection, 0);
    pool_balance(client->runner);
}

static struct client *find_free(struct clients *clients)
{
    size_t i = 0;
    while (i < clients->end && clients->rows[i].state != CLIENT_FREE)
        i++;
    clients->end += i == clients->end && i < CLIENTS_MAX;
    return i < clients->end ? &clients->rows[i] : NULL;
}

static size_t count_unticketed(const struct clients *clients, uid_t uid)
{
    size_t count = 0;
    for (size_t i = 0; i < clients->end; i++)
        count += clients->rows[i].state != CLIENT_FREE && !clients->rows[i].is_ticketed &&
                 clients->rows[i].uid == uid;
    return count;
}

/* CONNECTION is taken. */
static void admit(struct runner *runner, struct client *client, int connection)
{
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof(peer);
    int result = getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    *client = (struct client){.runner = runner,
                              .state = CLIENT_ACCEPTED,
                              .pid = peer.pid,
                              .uid = peer.uid,
                              .connection = {.fd = connection, .source = -1},
                              .pidfd = -1,
                              .accepted_ns = clock_monotonic_ns(),
                              .deadline_ns = runner_deadline(runner, CLIENT_PATIENCE_MS)};
    struct call *ticket = result == 0 ? ticket_find(client) : NULL;
    client->is_ticketed = ticket != NULL && !ticket->is_claimed;
    if (ticket != NULL)
        ticket->is_claimed = true;
    if (!client->is_ticketed && peer.uid != 0 &&
        count_unticketed(&runner->clients, peer.uid) > CLIENTS_UNTICKETED_MAX)
        clients_refuse(client, EAGAIN, "this user has too many connections");
    else if (result < 0 ||
             watch_begin(&client->connection, &runner->loop, connection, on_message, client) < 0)
        clients_free(client);
    on_message(client, EPOLLIN); /* who was admitted has said it by now, mostly */
}

/* False when there was none, or no room for it. */
static bool accept_one(struct runner *runner)
{
    uid_t uid;
    struct client *client = find_free(&runner->clients);
    int door = runner->clients.door.fd;
    int connection = client == NULL ? -EMFILE : unix_socket_accept(door, &uid);
    bool is_full = connection < 0 && connection != -EAGAIN;
    set_full(&runner->clients, is_full);
    if (is_full)
        runner_expect(runner);
    else if (connection >= 0)
        admit(runner, client, connection);
    return connection >= 0;
}

static void on_connection(void *context, uint32_t events)
{
    (void)events;
    (void)accept_one(context);
}

void clients_accept_waiting(struct runner *runner)
{
    for (int i = 0; i <= BACKLOG && accept_one(runner); i++)
        continue;
}

int clients_open(struct runner *runner, struct error *err)
{
    int result = watch_begin(&runner->clients.door, &runner->loop,
                             unix_socket_listen_for_descriptors(TASK_RUNNER_SOCKET, 0666, BACKLOG),
                             on_connection, runner);
    return result < 0 ? error_set(err, -result, "listen at '" TASK_RUNNER_SOCKET "'") : 0;
}

void clients_on_configured(struct runner *runner)
{
    for (size_t i = 0; i < runner->clients.end; i++) {
        if (runner->clients.rows[i].state == CLIENT_QUEUED)
            runner->clients.rows[i].profile = 0;
    }
}

void clients_on_tick(struct runner *runner, uint64_t now_ns)
{
    set_full(&runner->clients, false);
    for (size_t i = 0; i < runner->clients.end; i++) {
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
