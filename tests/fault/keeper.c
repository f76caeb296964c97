/* The smallest keeper: says hello, writes down what it is told, confirms. */
#include "tests/fault/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/channel.h"
#include "lib/wire/data_message.h"

#define CONNECTIONS_MAX 16

/* Nothing of earlier sessions, and nothing is wanted. */
static bool has_no_data(int connection, const void *request, size_t size)
{
    struct data_message message;
    const void *bytes = NULL;
    size_t count = 0;
    if (data_message_parse(request, size, &message, &bytes, &count, NULL) < 0)
        return false;
    message.outcome = DATA_UNWANTED;
    return channel_send_frame(connection, CHANNEL_DATA_ANSWER, &message, sizeof(message)) == 0;
}

/* False when the peer is gone. */
static bool serve(int connection, int record)
{
    char data[65536];
    struct channel_header header;
    const void *payload;
    size_t size;
    ssize_t count = recv(connection, data, sizeof(data), 0);
    if (count <= 0 || channel_parse_frame(data, (size_t)count, &header, &payload, &size, NULL) < 0)
        return false;
    if (header.type == CHANNEL_HELLO)
        return channel_send_frame(connection, CHANNEL_HELLO_REPLY, payload, size) == 0;
    if (header.type == CHANNEL_FLUSH)
        return channel_send_frame(connection, CHANNEL_FLUSHED, NULL, 0) == 0;
    if (header.type == CHANNEL_DATA)
        return has_no_data(connection, payload, size);
    if (header.type == CHANNEL_EVENT)
        (void)(fd_write_all(record, payload, size) == 0 && fd_write_all(record, "\n", 1) == 0);
    return true;
}

/* polls[0] listens. */
static void accept_one(struct pollfd *polls)
{
    uid_t uid;
    cleanup_fd int fd = unix_socket_accept(polls[0].fd, &uid);
    for (int i = 1; fd >= 0 && i <= CONNECTIONS_MAX; i++) {
        if (polls[i].fd < 0)
            polls[i].fd = steal_fd(&fd);
    }
}

static void keep(int listener, int record)
{
    struct pollfd polls[CONNECTIONS_MAX + 1] = {{.fd = listener, .events = POLLIN}};
    for (int i = 1; i <= CONNECTIONS_MAX; i++)
        polls[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    for (;;) {
        if (poll(polls, CONNECTIONS_MAX + 1, -1) < 0)
            continue;
        for (int i = 1; i <= CONNECTIONS_MAX; i++) {
            if (polls[i].revents == 0 || serve(polls[i].fd, record))
                continue;
            close(polls[i].fd);
            polls[i].fd = -1;
        }
        if (polls[0].revents != 0)
            accept_one(polls);
    }
}

pid_t keeper_start(const char *socket, const char *record)
{
    int listener = unix_socket_listen(socket, 0666, CONNECTIONS_MAX);
    int file = open(record, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (listener < 0 || file < 0)
        return listener < 0 ? listener : -errno;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        keep(listener, file);
    }
    close(listener);
    close(file);
    return pid < 0 ? -errno : pid;
}
