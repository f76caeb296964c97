/* Messages of a redemption, and what is proven and encrypted in them. */
#include "lib/wire/redeem.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base/cleanup.h"

_Static_assert(crypto_kx_SESSIONKEYBYTES == REDEEM_SESSION_KEY_BYTES &&
                   crypto_kx_PUBLICKEYBYTES == CAPABILITY_KEY_BYTES &&
                   crypto_kx_SECRETKEYBYTES == CAPABILITY_KEY_BYTES,
               "crypto_kx");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == REDEEM_GRANT_NONCE_BYTES &&
                   crypto_aead_xchacha20poly1305_ietf_ABYTES == REDEEM_GRANT_TAG_BYTES &&
                   crypto_aead_xchacha20poly1305_ietf_KEYBYTES == REDEEM_SESSION_KEY_BYTES,
               "XChaCha20-Poly1305");

/* clang-format off */
static const struct {
    size_t size;
    size_t tail_max; /* bytes that may follow */
} shapes[REDEEM_TYPE_COUNT] = {
    [REDEEM_HELLO]     = {sizeof(struct redeem_hello), 0},
    [REDEEM_KEYS]      = {sizeof(struct redeem_keys), 0},
    [REDEEM_BIND]      = {sizeof(struct redeem_bind), 0},
    [REDEEM_BOUND]     = {0, 0},
    [REDEEM_REDEEM]    = {sizeof(struct redeem_request), 0},
    [REDEEM_CHALLENGE] = {sizeof(struct redeem_challenge), 0},
    [REDEEM_ANSWER]    = {sizeof(struct redeem_answer), 0},
    [REDEEM_GRANT]     = {sizeof(struct redeem_grant), sizeof(struct redeem_secret) + REDEEM_SECRET_BYTES_MAX +
                                                       REDEEM_GRANT_TAG_BYTES},
    [REDEEM_REFUSED]   = {sizeof(struct redeem_refusal), 0},
    [REDEEM_REVOKED]   = {sizeof(struct redeem_refusal), 0},
    [REDEEM_REVOKE]    = {sizeof(struct redeem_revoke), 0},
    [REDEEM_COUNT]     = {sizeof(struct redeem_count), 0},
    [REDEEM_RENEWED]   = {sizeof(struct redeem_grant), sizeof(struct redeem_secret) + REDEEM_SECRET_BYTES_MAX +
                                                       REDEEM_GRANT_TAG_BYTES},
    [REDEEM_KEPT]      = {sizeof(struct redeem_kept), 0},
};

static const char *const reasons[REDEEM_REASON_COUNT] = {
    [REDEEM_OK]               = "ok",
    [REDEEM_REASON_MALFORMED] = "malformed",
    [REDEEM_REASON_PEER]      = "peer",
    [REDEEM_REASON_SESSION]   = "session",
    [REDEEM_REASON_TWICE]     = "twice",
    [REDEEM_REASON_NONCE]     = "nonce",
    [REDEEM_REASON_SIGNATURE] = "signature",
    [REDEEM_REASON_EPOCH]     = "epoch",
    [REDEEM_REASON_AUDIENCE]  = "audience",
    [REDEEM_REASON_EARLY]     = "early",
    [REDEEM_REASON_EXPIRED]   = "expired",
    [REDEEM_REASON_UNKNOWN]   = "unknown",
    [REDEEM_REASON_SPENT]     = "spent",
    [REDEEM_REASON_REVOKED]   = "revoked",
    [REDEEM_REASON_PROOF]     = "proof",
    [REDEEM_REASON_BUSY]      = "busy",
    [REDEEM_REASON_DISK]      = "disk",
};

static const char *const outcomes[REDEEM_OUTCOME_COUNT] = {
    [REDEEM_OUTCOME_WRITTEN]   = "written",
    [REDEEM_OUTCOME_UNCHANGED] = "unchanged",
    [REDEEM_OUTCOME_CHANGED]   = "changed-on-host",
    [REDEEM_OUTCOME_MALFORMED] = "malformed",
    [REDEEM_OUTCOME_ELSEWHERE] = "elsewhere",
    [REDEEM_OUTCOME_FAILED]    = "failed",
};
/* clang-format on */

const char *redeem_reason_name(uint32_t reason)
{
    return reason < REDEEM_REASON_COUNT ? reasons[reason] : "unknown reason";
}

const char *redeem_outcome_name(uint32_t outcome)
{
    return outcome < REDEEM_OUTCOME_COUNT ? outcomes[outcome] : "unknown outcome";
}

int redeem_parse(const void *data, size_t size, struct redeem_message *message, struct error *err)
{
    struct redeem_header header;
    if (size < sizeof(header))
        return error_set(err, EPROTO, "the message is shorter than its header");
    memcpy(&header, data, sizeof(header));
    if (header.magic != REDEEM_MAGIC || header.version != REDEEM_VERSION)
        return error_set(err, EPROTO, "the message is none of version %d", REDEEM_VERSION);
    if (header.type == 0 || header.type >= REDEEM_TYPE_COUNT)
        return error_set(err, EPROTO, "the message has the unknown type %u", header.type);
    size_t payload = size - sizeof(header);
    if (payload < shapes[header.type].size ||
        payload > shapes[header.type].size + shapes[header.type].tail_max)
        return error_set(err, EPROTO, "a message of type %u has another size", header.type);
    *message = (struct redeem_message){.type = (enum redeem_type)header.type,
                                       .payload = (const char *)data + sizeof(header),
                                       .size = payload};
    return 0;
}

int redeem_send(int fd, enum redeem_type type, const void *payload, size_t size, const void *tail,
                size_t tail_size)
{
    struct redeem_header header = {
        .magic = REDEEM_MAGIC, .version = REDEEM_VERSION, .type = (uint16_t)type};
    struct iovec parts[3] = {
        {.iov_base = &header, .iov_len = sizeof(header)},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = size},
        {.iov_base = (void *)(uintptr_t)tail, .iov_len = tail_size},
    };
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_LENGTH(parts)};
    ssize_t count;
    do
        count = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : 0;
}

void redeem_make_pair(uint8_t public_key[CAPABILITY_KEY_BYTES],
                      uint8_t secret_key[CAPABILITY_KEY_BYTES])
{
    crypto_kx_keypair(public_key, secret_key);
}

int redeem_agree_as_broker(const struct redeem_holder *own,
                           const uint8_t holder[CAPABILITY_KEY_BYTES],
                           struct redeem_session *session)
{
    return crypto_kx_server_session_keys(session->from_holder, session->from_broker,
                                         own->public_key, own->secret_key, holder) == 0
               ? 0
               : -EKEYREJECTED;
}

int redeem_agree_as_holder(const struct redeem_holder *own,
                           const uint8_t broker[CAPABILITY_KEY_BYTES],
                           struct redeem_session *session)
{
    return crypto_kx_client_session_keys(session->from_broker, session->from_holder,
                                         own->public_key, own->secret_key, broker) == 0
               ? 0
               : -EKEYREJECTED;
}

void redeem_prove(const struct redeem_session *session, const struct redeem_request *request,
                  const struct redeem_challenge *challenge, uint8_t proof[REDEEM_PROOF_BYTES])
{
    static const uint8_t domain[] = "coding-agents/proof";
    crypto_generichash_state state;
    crypto_generichash_init(&state, session->from_holder, sizeof(session->from_holder),
                            REDEEM_PROOF_BYTES);
    crypto_generichash_update(&state, domain, sizeof(domain));
    crypto_generichash_update(&state, (const uint8_t *)request, sizeof(*request));
    crypto_generichash_update(&state, (const uint8_t *)challenge, sizeof(*challenge));
    crypto_generichash_final(&state, proof, REDEEM_PROOF_BYTES);
    sodium_memzero(&state, sizeof(state));
}

void redeem_encrypt(const uint8_t key[REDEEM_SESSION_KEY_BYTES],
                    const struct redeem_binding *binding, const struct secret *plain,
                    struct redeem_grant *grant, uint8_t *ciphertext)
{
    randombytes_buf(grant->nonce, sizeof(grant->nonce));
    crypto_aead_xchacha20poly1305_ietf_encrypt(ciphertext, NULL, plain->data, plain->size,
                                               (const uint8_t *)binding, sizeof(*binding), NULL,
                                               grant->nonce, key);
}

int redeem_decrypt(const uint8_t key[REDEEM_SESSION_KEY_BYTES],
                   const struct redeem_binding *binding, const struct redeem_grant *grant,
                   const void *ciphertext, size_t size, uint8_t *plain)
{
    if (size < REDEEM_GRANT_TAG_BYTES)
        return -EKEYREJECTED;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, ciphertext, size,
                                                      (const uint8_t *)binding, sizeof(*binding),
                                                      grant->nonce, key) == 0
               ? 0
               : -EKEYREJECTED;
}

int redeem_read_secret(const void *plain, size_t size, struct redeem_secret *head)
{
    struct redeem_secret read;
    if (size < sizeof(read))
        return -EPROTO;
    memcpy(&read, plain, sizeof(read));
    if ((read.kind != REDEEM_FILE && read.kind != REDEEM_VARIABLE) ||
        read.size != size - sizeof(read) || memchr(read.name, '\0', sizeof(read.name)) == NULL)
        return -EPROTO;
    *head = read;
    return 0;
}
