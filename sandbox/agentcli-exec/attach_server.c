/* Accepts attached terminals and hands each to a client of its own. */
#include "sandbox/agentcli-exec/attach_server.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

static bool is_welcome(const struct attach_server *server, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof(peer) &&
           peer.uid == server->uid;
}

static struct attach_client *find_free(struct attach_server *server)
{
    for (size_t i = 0; i < ARRAY_LENGTH(server->clients); i++) {
        if (server->clients[i].state == ATTACH_CLIENT_FREE)
            return &server->clients[i];
    }
    return NULL;
}

/*
 * An engine does not tell a command when the terminal behind it is gone: one that was closed stays
 * attached, and must not keep a person out for good.
 */
static void make_room(struct attach_server *server)
{
    struct attach_client *silent = NULL;
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(server->clients); i++) {
        struct attach_client *client = &server->clients[i];

        if (client->state != ATTACH_CLIENT_GREETING && client->state != ATTACH_CLIENT_ATTACHED)
            continue;
        count++;
        if (silent == NULL || client->heard_ns < silent->heard_ns)
            silent = client;
    }
    if (count > ATTACH_CLIENTS_MAX)
        attach_client_finish(silent, FRAME_EXIT_REPLACED, 0);
}

/* One frame always fits into an empty socket. */
static void turn_away(int fd)
{
    const struct frame_header header = {.type = FRAME_EXIT, .length = sizeof(struct frame_exit)};
    const struct frame_exit ending = {.reason = FRAME_EXIT_BUSY};

    if (send(fd, &header, sizeof(header), MSG_NOSIGNAL) == (ssize_t)sizeof(header))
        (void)send(fd, &ending, sizeof(ending), MSG_NOSIGNAL);
}

static void on_listener(void *context, uint32_t events)
{
    struct attach_server *server = context;
    cleanup_fd int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct attach_client *client;

    (void)events;
    /* A client that left again, or no descriptors: the next one finds things as they are then. */
    if (fd < 0 || !is_welcome(server, fd))
        return;
    client = find_free(server);
    if (client == NULL) {
        turn_away(fd);
        return;
    }
    attach_client_begin(client, steal_fd(&fd));
    make_room(server);
}

int attach_server_begin(struct attach_server *server, struct event_loop *loop, int listener,
                        uid_t uid, const struct string_list *environment)
{
    int source;

    server->loop = loop;
    server->listener = listener;
    server->uid = uid;
    for (size_t i = 0; i < ARRAY_LENGTH(server->clients); i++) {
        server->clients[i].state = ATTACH_CLIENT_FREE;
        server->clients[i].loop = loop;
        server->clients[i].environment = environment;
        server->clients[i].timer = i;
    }
    source = event_loop_add(loop, listener, EPOLLIN, on_listener, server);
    return source < 0 ? source : 0;
}

void attach_server_finish(struct attach_server *server, int exit_code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(server->clients); i++)
        attach_client_end(&server->clients[i], exit_code);
}

bool attach_server_is_idle(const struct attach_server *server)
{
    for (size_t i = 0; i < ARRAY_LENGTH(server->clients); i++) {
        if (server->clients[i].state != ATTACH_CLIENT_FREE)
            return false;
    }
    return true;
}
