/*
 * How a secret is redeemed: the broker's socket, SOCK_SEQPACKET, one message each, host byte order
 * (both ends are of one machine). Authority is SO_PEERCRED (unix(7)) and what is proven on the way.
 *
 *     agent-boot, root of the container:   HELLO -> KEYS, once; BIND -> BOUND, once for each holder
 *     a holder, as its own uid:            REDEEM -> CHALLENGE, ANSWER -> GRANT
 *     to either, at any time:              REFUSED, and the connection is closed
 *     to a holder that has a secret:       REVOKED; its connection is the lease
 *     of it, once, before it ends:         RENEWED -> KEPT
 *     on the host, another socket:         REVOKE -> COUNT
 */
#ifndef WIRE_REDEEM_H
#define WIRE_REDEEM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/capability.h"
#include "lib/wire/secret.h"

#define REDEEM_MAGIC 0x42414743u /* "CGAB" little endian */
#define REDEEM_VERSION 1
#define REDEEM_NONCE_BYTES 32
#define REDEEM_CHALLENGE_BYTES 32
#define REDEEM_PROOF_BYTES 32
#define REDEEM_SESSION_KEY_BYTES 32
#define REDEEM_GRANT_NONCE_BYTES 24
#define REDEEM_GRANT_TAG_BYTES 16
/* Holders of one session, and the largest secret: login files have a few kilobytes. */
#define REDEEM_HOLDERS_MAX 8
#define REDEEM_SECRET_BYTES_MAX (64 * 1024)

/* Places: the socket in the directory of the session's sockets; sealed capabilities below the
 * session directory, STUB.cap, and where a container keeps them. */
#define REDEEM_SOCKET "broker.sock"
#define REDEEM_STAGED "capabilities"
#define REDEEM_CAPABILITIES_DIRECTORY "/run/coding-agents/capabilities"
#define REDEEM_CAP_ROOT_VARIABLE "CODING_AGENTS_AGENT_CAP_ROOT"
#define REDEEM_SECRET_ROOT_VARIABLE "CODING_AGENTS_AGENT_SECRET_ROOT"
#define REDEEM_BROKER_DIRECTORY "/run/agent-secrets"
/* Descriptors that agent-boot gives a holder: a struct redeem_bond, the directory of the sockets,
 * and what is written a byte to once all is in place. */
#define REDEEM_BOND_FD 3
#define REDEEM_SOCKETS_FD 4
#define REDEEM_READY_FD 5

enum redeem_type {
    REDEEM_HELLO = 1,
    REDEEM_KEYS,
    REDEEM_BIND,
    REDEEM_BOUND,
    REDEEM_REDEEM,
    REDEEM_CHALLENGE,
    REDEEM_ANSWER,
    REDEEM_GRANT,
    REDEEM_REFUSED,
    REDEEM_REVOKED,
    REDEEM_REVOKE,
    REDEEM_COUNT,
    REDEEM_RENEWED,
    REDEEM_KEPT,
    REDEEM_TYPE_COUNT
};

/* Why a request is refused; redeem_reason_name has the words. */
enum redeem_reason {
    REDEEM_OK = 0,
    REDEEM_REASON_MALFORMED, /* a message that is none, or out of its order */
    REDEEM_REASON_PEER,      /* this uid may not say that */
    REDEEM_REASON_SESSION,
    REDEEM_REASON_TWICE, /* a second hello, or a second bond of a holder */
    REDEEM_REASON_NONCE, /* agent-boot bound it to nobody, or to another uid */
    REDEEM_REASON_SIGNATURE,
    REDEEM_REASON_EPOCH,    /* of another broker: one from before a restart */
    REDEEM_REASON_AUDIENCE, /* another stub, uid or program than it was issued for */
    REDEEM_REASON_EARLY,
    REDEEM_REASON_EXPIRED,
    REDEEM_REASON_UNKNOWN, /* a token that was never issued */
    REDEEM_REASON_SPENT,
    REDEEM_REASON_REVOKED,
    REDEEM_REASON_PROOF, /* the challenge's answer is not the holder's */
    REDEEM_REASON_BUSY,  /* no room for another connection, or it said nothing for too long */
    REDEEM_REASON_DISK,  /* the burn could not be written */
    REDEEM_REASON_COUNT
};

/* What became of a login that its agent renewed; redeem_outcome_name has the words. */
enum redeem_outcome {
    REDEEM_OUTCOME_WRITTEN,   /* it is where it was found on the host */
    REDEEM_OUTCOME_UNCHANGED, /* it says nothing new */
    REDEEM_OUTCOME_CHANGED,   /* the host's own is another by now, and stays */
    REDEEM_OUTCOME_MALFORMED, /* it is no login of the agent, or of another account */
    REDEEM_OUTCOME_ELSEWHERE, /* it came from no file that may be written, or is to be discarded */
    REDEEM_OUTCOME_FAILED,
    REDEEM_OUTCOME_COUNT
};

struct redeem_header {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
};

struct redeem_hello {
    char session[CAPABILITY_SESSION_BYTES];
};

struct redeem_holder {
    char stub[CAPABILITY_NAME_BYTES];
    uint8_t public_key[CAPABILITY_KEY_BYTES];
    uint8_t secret_key[CAPABILITY_KEY_BYTES];
};

struct redeem_keys {
    uint8_t broker[CAPABILITY_KEY_BYTES]; /* Ed25519: who signs */
    uint32_t count;
    struct redeem_holder holders[REDEEM_HOLDERS_MAX];
};

/* agent-boot says who will come: which stub, as which uid, running which program. */
struct redeem_bind {
    char stub[CAPABILITY_NAME_BYTES];
    uint32_t uid;
    uint8_t program[CAPABILITY_DIGEST_BYTES];
    uint8_t nonce[REDEEM_NONCE_BYTES];
};

struct redeem_request {
    uint8_t nonce[REDEEM_NONCE_BYTES];
    uint8_t capability[CAPABILITY_SIZE];
};

struct redeem_challenge {
    uint8_t public_key[CAPABILITY_KEY_BYTES]; /* X25519, of this redemption alone */
    uint8_t challenge[REDEEM_CHALLENGE_BYTES];
};

struct redeem_answer {
    uint8_t proof[REDEEM_PROOF_BYTES];
};

/* Followed by the ciphertext; of RENEWED too. */
struct redeem_grant {
    uint8_t nonce[REDEEM_GRANT_NONCE_BYTES];
};

struct redeem_refusal {
    uint32_t reason;
};

struct redeem_kept {
    uint32_t outcome;
};

struct redeem_revoke {
    char secret[CAPABILITY_NAME_BYTES];
};

struct redeem_count {
    uint32_t secrets; /* that were revoked by it */
    uint32_t leases;  /* that ended by it */
};

/* What agent-boot writes for a holder to its inherited descriptor. */
struct redeem_bond {
    uint8_t nonce[REDEEM_NONCE_BYTES];
    uint8_t broker[CAPABILITY_KEY_BYTES];
    struct redeem_holder holder;
};

/* The secret as it is encrypted: this, then its bytes. */
struct redeem_secret {
    uint32_t kind; /* enum redeem_kind */
    uint32_t size;
    char name[CAPABILITY_NAME_BYTES]; /* of the file or the variable */
};

enum redeem_kind { REDEEM_FILE = 1, REDEEM_VARIABLE = 2 };

/* The largest message: a grant. */
#define REDEEM_MESSAGE_MAX                                                                       \
    (sizeof(struct redeem_header) + sizeof(struct redeem_grant) + sizeof(struct redeem_secret) + \
     REDEEM_SECRET_BYTES_MAX + REDEEM_GRANT_TAG_BYTES)

/* A received message. PAYLOAD is borrowed from what was received. */
struct redeem_message {
    enum redeem_type type;
    const void *payload;
    size_t size;
};

/*
 * Checks SIZE bytes at DATA: magic, version, a known type, exactly the payload of that type. 0, or
 * -EPROTO with the reason.
 */
int redeem_parse(const void *data, size_t size, struct redeem_message *message, struct error *err);
/* Sends a message of TYPE: PAYLOAD and TAIL (NULL: none), without waiting. 0 or -errno. */
int redeem_send(int fd, enum redeem_type type, const void *payload, size_t size, const void *tail,
                size_t tail_size);
/* A few words for REASON, for people and logs. Borrowed. */
const char *redeem_reason_name(uint32_t reason);
const char *redeem_outcome_name(uint32_t outcome);

/* The keys of one redemption: what the holder sends with, what the broker sends with. */
struct redeem_session {
    uint8_t from_holder[REDEEM_SESSION_KEY_BYTES];
    uint8_t from_broker[REDEEM_SESSION_KEY_BYTES];
};

/* A fresh X25519 pair. */
void redeem_make_pair(uint8_t public_key[CAPABILITY_KEY_BYTES],
                      uint8_t secret_key[CAPABILITY_KEY_BYTES]);
/* Both sides of crypto_kx. 0, or -EKEYREJECTED for a key that is none. */
int redeem_agree_as_broker(const struct redeem_holder *own,
                           const uint8_t holder[CAPABILITY_KEY_BYTES],
                           struct redeem_session *session);
int redeem_agree_as_holder(const struct redeem_holder *own,
                           const uint8_t broker[CAPABILITY_KEY_BYTES],
                           struct redeem_session *session);

/* The answer to CHALLENGE for REQUEST: keyed BLAKE2b over both, so of this capability, this nonce
 * and this connection alone. */
void redeem_prove(const struct redeem_session *session, const struct redeem_request *request,
                  const struct redeem_challenge *challenge, uint8_t proof[REDEEM_PROOF_BYTES]);

/*
 * XChaCha20-Poly1305 of PLAIN with KEY, that of the side which sends, bound to the token and the
 * challenge. CIPHERTEXT has room for REDEEM_GRANT_TAG_BYTES more. Opening: 0, or -EKEYREJECTED.
 */
struct redeem_binding {
    uint8_t token[CAPABILITY_TOKEN_BYTES];
    uint8_t challenge[REDEEM_CHALLENGE_BYTES];
};
void redeem_encrypt(const uint8_t key[REDEEM_SESSION_KEY_BYTES],
                    const struct redeem_binding *binding, const struct secret *plain,
                    struct redeem_grant *grant, uint8_t *ciphertext);
int redeem_decrypt(const uint8_t key[REDEEM_SESSION_KEY_BYTES],
                   const struct redeem_binding *binding, const struct redeem_grant *grant,
                   const void *ciphertext, size_t size, uint8_t *plain);
/* Reads the head of SIZE decrypted bytes. 0 with *HEAD set, or -EPROTO. */
int redeem_read_secret(const void *plain, size_t size, struct redeem_secret *head);

#endif
