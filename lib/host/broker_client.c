/* Asks a session's broker to revoke a secret. */
#include "lib/host/broker_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/channel.h"
#include "lib/wire/redeem.h"
#include "lib/wire/session.h"

#define ANSWER_MS 10000

static int connect_to(const char *session, struct error *err)
{
    char directory_path[PATH_MAX];
    char path[PATH_MAX];
    struct sockaddr_un address;
    cleanup_fd int directory = -1;
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, errno, "make a socket");
    int result = session_runtime_directory(session, directory_path, err);
    if (result == 0 && path_format(path, "%s/" BROKER_CLIENT_SOCKET, directory_path) < 0)
        result = error_set(err, ENAMETOOLONG, "the runtime directory");
    if (result < 0)
        return result;
    result = channel_address(path, &address, &directory);
    if (result == 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        result = -errno;
    return result < 0 ? error_set(err, -result, "connect to the broker of session %s", session)
                      : steal_fd(&fd);
}

static int receive(int fd, struct redeem_count *count, struct error *err)
{
    char data[256];
    struct redeem_message message;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, ANSWER_MS) <= 0)
        return error_set(err, ETIMEDOUT, "wait for the broker's answer");
    ssize_t size = recv(fd, data, sizeof(data), MSG_DONTWAIT);
    if (size <= 0)
        return error_set(err, size < 0 ? errno : ECONNRESET, "hear the broker");
    int result = redeem_parse(data, (size_t)size, &message, err);
    if (result == 0 && message.type != REDEEM_COUNT)
        result = error_set(err, EPROTO, "the broker refused to revoke it");
    if (result < 0)
        return result;
    memcpy(count, message.payload, sizeof(*count));
    return 0;
}

int broker_client_revoke(const char *session, const char *secret, struct redeem_count *count,
                         struct error *err)
{
    struct redeem_revoke revoke = {.secret = {0}};
    cleanup_fd int fd = connect_to(session, err);
    if (fd < 0)
        return fd;
    snprintf(revoke.secret, sizeof(revoke.secret), "%s", secret);
    int result = redeem_send(fd, REDEEM_REVOKE, &revoke, sizeof(revoke), NULL, 0);
    return result < 0 ? error_set(err, -result, "ask the broker") : receive(fd, count, err);
}
