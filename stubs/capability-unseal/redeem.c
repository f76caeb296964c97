/* The holder's side of a redemption. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "stubs/capability-unseal/unseal.h"

/* The broker syncs a file before it grants. */
#define ANSWER_MS 20000

int redeem_read_bond(struct unseal *unseal, struct error *err)
{
    size_t used = 0;
    int fd = REDEEM_BOND_FD;
    while (used < sizeof(unseal->bond)) {
        ssize_t count = read(fd, (char *)&unseal->bond + used, sizeof(unseal->bond) - used);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return error_set(err, EINVAL,
                             "no bond was handed over: this program is started by agent-boot");
        used += (size_t)count;
    }
    cleanup_close(&fd);
    return 0;
}

/* By a relative name below the directory that was handed over: its parents are closed to us. */
static int connect_to_broker(struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = REDEEM_SOCKET};
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int directory = REDEEM_SOCKETS_FD;
    if (fd < 0)
        return error_set(err, errno, "make a socket");
    if (fchdir(directory) < 0)
        return error_set(err, errno, "enter the directory of the broker's socket");
    int result = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    cleanup_close(&directory);
    if (chdir("/") < 0 && result == 0)
        result = -errno;
    return result < 0 ? error_set(err, -result, "connect to the broker") : steal_fd(&fd);
}

static int refused(const struct redeem_message *message, struct error *err)
{
    struct redeem_refusal refusal;
    memcpy(&refusal, message->payload, sizeof(refusal));
    error_set(err, EINVAL, "the broker refused the capability: %s",
              redeem_reason_name(refusal.reason));
    return -EACCES;
}

/* Receives the next message into DATA. 0 when it is of TYPE, or -errno. */
static int await(int fd, enum redeem_type type, const struct secret *data,
                 struct redeem_message *message, struct error *err)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, ANSWER_MS);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        return error_set(err, ready < 0 ? errno : ETIMEDOUT, "wait for the broker");
    ssize_t count = recv(fd, data->data, data->size, MSG_DONTWAIT);
    if (count <= 0)
        return error_set(err, count < 0 ? errno : ECONNRESET, "hear the broker");
    int result = redeem_parse(data->data, (size_t)count, message, err);
    if (result == 0 && message->type == REDEEM_REFUSED)
        return refused(message, err);
    if (result == 0 && message->type != type)
        result = error_set(err, EPROTO, "the broker answered something else");
    return result;
}

static int open_sealed(const struct unseal *unseal, struct redeem_request *request,
                       struct capability *capability, struct error *err)
{
    cleanup_free char *sealed = NULL;
    size_t size = 0;
    const struct redeem_holder *holder = &unseal->bond.holder;
    int result =
        fd_read_file(AT_FDCWD, unseal->cap_path, CAPABILITY_SEALED_SIZE, &sealed, &size, err);
    if (result < 0)
        return result;
    if (capability_open(sealed, size, holder->public_key, holder->secret_key, request->capability) <
        0)
        return error_set(err, EPROTO, "'%s' is not sealed to this holder", unseal->cap_path);
    result = capability_parse(request->capability, CAPABILITY_SIZE, capability, err);
    if (result == 0 && capability_verify(request->capability, unseal->bond.broker) < 0)
        result =
            error_set(err, EPROTO, "'%s' is not signed by this session's broker", unseal->cap_path);
    if (result == 0 &&
        strncmp(capability->session, unseal->session, sizeof(capability->session)) != 0)
        result = error_set(err, EPROTO, "'%s' is of another session", unseal->cap_path);
    memcpy(request->nonce, unseal->bond.nonce, sizeof(request->nonce));
    return result;
}

static int take_grant(struct unseal *unseal, const struct redeem_message *message,
                      struct error *err)
{
    struct redeem_grant grant;
    const uint8_t *ciphertext = (const uint8_t *)message->payload + sizeof(grant);
    size_t size = message->size - sizeof(grant);
    memcpy(&grant, message->payload, sizeof(grant));
    if (size < REDEEM_GRANT_TAG_BYTES)
        return error_set(err, EPROTO, "what the broker granted is too short");
    int result = secret_make(&unseal->plain, size - REDEEM_GRANT_TAG_BYTES, false, err);
    if (result < 0)
        return result;
    if (redeem_decrypt(unseal->keys.from_broker, &unseal->binding, &grant, ciphertext, size,
                       unseal->plain.data) < 0 ||
        redeem_read_secret(unseal->plain.data, unseal->plain.size, &unseal->head) < 0)
        return error_set(err, EPROTO, "what the broker granted cannot be opened");
    crypto_hash_sha256(unseal->digest, unseal->plain.data + sizeof(unseal->head),
                       unseal->head.size);
    return 0;
}

/* From the challenge to the secret. */
static int answer(struct unseal *unseal, const struct redeem_request *request,
                  const struct capability *capability, const struct secret *data, struct error *err)
{
    struct redeem_message message;
    struct redeem_challenge challenge;
    struct redeem_answer proof;
    int result = await(unseal->lease, REDEEM_CHALLENGE, data, &message, err);
    if (result < 0)
        return result;
    memcpy(&challenge, message.payload, sizeof(challenge));
    if (redeem_agree_as_holder(&unseal->bond.holder, challenge.public_key, &unseal->keys) < 0)
        return error_set(err, EPROTO, "the broker's key is none");
    redeem_prove(&unseal->keys, request, &challenge, proof.proof);
    memcpy(unseal->binding.token, capability->token, sizeof(unseal->binding.token));
    memcpy(unseal->binding.challenge, challenge.challenge, sizeof(unseal->binding.challenge));
    result = redeem_send(unseal->lease, REDEEM_ANSWER, &proof, sizeof(proof), NULL, 0);
    if (result < 0)
        error_set(err, -result, "answer the broker");
    else
        result = await(unseal->lease, REDEEM_GRANT, data, &message, err);
    return result < 0 ? result : take_grant(unseal, &message, err);
}

int redeem_capability(struct unseal *unseal, struct error *err)
{
    cleanup_secret struct secret data = {.data = NULL};
    struct redeem_request request;
    struct capability capability;
    int result = secret_make(&data, REDEEM_MESSAGE_MAX, false, err);
    if (result == 0)
        result = open_sealed(unseal, &request, &capability, err);
    if (result < 0)
        return result;
    unseal->lease = connect_to_broker(err);
    if (unseal->lease < 0)
        return unseal->lease;
    result = redeem_send(unseal->lease, REDEEM_REDEEM, &request, sizeof(request), NULL, 0);
    if (result < 0)
        error_set(err, -result, "ask the broker");
    else
        result = answer(unseal, &request, &capability, &data, err);
    sodium_memzero(&unseal->bond, sizeof(unseal->bond));
    if (result == 0)
        (void)unlink(unseal->cap_path);
    return result;
}

int redeem_renew(const struct unseal *unseal, const struct secret *renewed, struct error *err)
{
    cleanup_secret struct secret data = {.data = NULL};
    struct redeem_grant grant;
    struct redeem_message message;
    struct redeem_kept kept;
    int result = secret_make(&data, REDEEM_MESSAGE_MAX, false, err);
    if (result < 0)
        return result;
    redeem_encrypt(unseal->keys.from_holder, &unseal->binding, renewed, &grant, data.data);
    result = redeem_send(unseal->lease, REDEEM_RENEWED, &grant, sizeof(grant), data.data,
                         renewed->size + REDEEM_GRANT_TAG_BYTES);
    if (result < 0)
        return error_set(err, -result, "tell the broker");
    result = await(unseal->lease, REDEEM_KEPT, &data, &message, err);
    if (result < 0)
        return result;
    memcpy(&kept, message.payload, sizeof(kept));
    return kept.outcome < REDEEM_OUTCOME_COUNT ? (int)kept.outcome
                                               : error_set(err, EPROTO, "the broker's answer");
}

static volatile sig_atomic_t is_told;

static void on_term(int number)
{
    (void)number;
    is_told = 1;
}

/* True when there is something to hear; false when TERM came first. */
static bool wait_for(int lease)
{
    static const struct sigaction action = {.sa_handler = on_term};
    struct pollfd wait = {.fd = lease, .events = POLLIN};
    sigset_t all;
    sigaction(SIGTERM, &action, NULL);
    sigprocmask(SIG_SETMASK, NULL, &all);
    sigdelset(&all, SIGTERM);
    while (ppoll(&wait, 1, NULL, &all) < 0 && !is_told)
        ;
    return !is_told;
}

const char *redeem_await_end(const struct unseal *unseal)
{
    char data[64];
    struct redeem_message message;
    if (!wait_for(unseal->lease))
        return NULL;
    ssize_t count = recv(unseal->lease, data, sizeof(data), MSG_DONTWAIT);
    if (count > 0 && redeem_parse(data, (size_t)count, &message, NULL) == 0 &&
        message.type == REDEEM_REVOKED)
        return "it was revoked";
    return "the broker of the session is gone";
}
