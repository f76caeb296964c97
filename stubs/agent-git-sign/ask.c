/* Asks the signer on the host. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/services.h"
#include "stubs/agent-git-sign/sign.h"

#define SOCKET SERVICES_DIRECTORY "/" SIGNING_SOCKET
/* The signer gives up before: somebody may have to type a passphrase. */
#define ANSWER_MS 120000

static int receive(int fd, char *data, size_t room, size_t *size, struct error *err)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, ANSWER_MS);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        return error_set(err, ready < 0 ? errno : ETIMEDOUT, "wait for the signer");
    ssize_t count = recv(fd, data, room, MSG_DONTWAIT);
    if (count <= 0)
        return error_set(err, count < 0 ? errno : ECONNRESET, "hear the signer");
    *size = (size_t)count;
    return 0;
}

static int take(const char *data, size_t size, struct sign_reply *reply, struct error *err)
{
    struct signing_message message;
    struct signing_refusal refusal;
    int result = signing_parse(data, size, &message, err);
    if (result < 0)
        return result;
    if (message.type == SIGNING_REFUSED) {
        memcpy(&refusal, message.payload, sizeof(refusal));
        return error_set(err, EPROTO, "not signed: %s", signing_reason_sentence(refusal.reason));
    }
    if (message.type != SIGNING_SIGNATURE)
        return error_set(err, EPROTO, "the signer answered something else");
    memcpy(reply->created, message.payload, sizeof(reply->created));
    memcpy(reply->signature, message.tail, message.tail_size);
    reply->signature[message.tail_size] = '\0';
    reply->size = message.tail_size;
    return 0;
}

int sign_ask(const struct signing_request *key, const char *payload, size_t size,
             struct sign_reply *reply, struct error *err)
{
    static char data[SIGNING_MESSAGE_MAX];
    const struct signing_parts parts = {
        .type = SIGNING_REQUEST, .payload = key, .tail = payload, .tail_size = size};
    size_t received = 0;
    cleanup_fd int fd = unix_socket_connect(SOCKET);
    if (fd == -ENOENT || fd == -ECONNREFUSED)
        return error_set(err, EPROTO,
                         "not signed: this session has no signer, or it has ended; commit with "
                         "--no-gpg-sign");
    if (fd < 0)
        return error_set(err, -fd, "connect to the signer");
    int result = signing_send(fd, &parts);
    if (result < 0)
        return error_set(err, -result, "ask the signer");
    result = receive(fd, data, sizeof(data), &received, err);
    return result < 0 ? result : take(data, received, reply, err);
}
