/* What the capabilities, broker and secrets steps share. */
#include "init/agent-boot/login.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"

#define ANSWER_MS 5000

void login_forget(struct boot_context *context)
{
    if (context->login == NULL)
        return;
    cleanup_close(&context->login->broker_fd);
    secret_wipe(&context->login->bond);
    free(context->login);
    context->login = NULL;
}

static int receive(int fd, struct secret *message, size_t *size, struct error *err)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, ANSWER_MS);
    while (ready < 0 && errno == EINTR && !boot_is_interrupted());
    if (ready <= 0)
        return error_set(err, ready < 0 ? errno : ETIMEDOUT, "wait for the broker");
    ssize_t count = recv(fd, message->data, message->size, MSG_DONTWAIT);
    if (count <= 0)
        return error_set(err, count < 0 ? errno : ECONNRESET, "hear the broker");
    *size = (size_t)count;
    return 0;
}

/* The answer to QUESTION, of SIZE bytes in RECEIVED. */
static int take_answer(const struct login_question *question, const struct secret *received,
                       size_t size, struct error *err)
{
    struct redeem_message message = {.payload = NULL};
    struct redeem_refusal refusal;
    int result = redeem_parse(received->data, size, &message, err);
    if (result < 0)
        return result;
    if (message.type == REDEEM_REFUSED) {
        memcpy(&refusal, message.payload, sizeof(refusal));
        return error_set(err, EPROTO, "the broker refused: %s", redeem_reason_name(refusal.reason));
    }
    if (message.type != question->answer || message.size != question->data_size)
        return error_set(err, EPROTO, "the broker answered something else");
    if (message.size > 0)
        memcpy(question->data, message.payload, message.size);
    return 0;
}

int login_ask(const struct boot_login *login, const struct login_question *question,
              struct error *err)
{
    cleanup_secret struct secret received = {.data = NULL};
    size_t size = 0;
    int result = secret_make(&received, REDEEM_MESSAGE_MAX, false, err);
    if (result < 0)
        return result;
    result =
        redeem_send(login->broker_fd, question->type, question->payload, question->size, NULL, 0);
    if (result < 0)
        return error_set(err, -result, "ask the broker");
    result = receive(login->broker_fd, &received, &size, err);
    return result < 0 ? result : take_answer(question, &received, size, err);
}

int login_cap_root(const struct boot_login *login, char path[PATH_MAX], struct error *err)
{
    return path_format(path, REDEEM_CAPABILITIES_DIRECTORY "/%s", login->stub.name) < 0
               ? error_set(err, ENAMETOOLONG, "the directory of a capability")
               : 0;
}

int login_secret_root(const struct boot_login *login, char path[PATH_MAX], struct error *err)
{
    return path_format(path, REDEEM_BROKER_DIRECTORY "/%s", login->stub.agent) < 0
               ? error_set(err, ENAMETOOLONG, "the directory of a secret")
               : 0;
}
