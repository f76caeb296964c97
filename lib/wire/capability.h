/*
 * A capability: a single-use token that lets one program of one container redeem one secret of the
 * broker's. It carries a reference, never the secret. On the wire it has a fixed size:
 *
 *     domain[32]  "coding-agents/capability", NUL padded: what is signed here is nothing else
 *     version     4 bytes
 *     the fields below, in their order, without padding; texts NUL padded
 *     signature   64 bytes, Ed25519 over everything before
 *
 * Numbers are big endian. For its holder it is sealed with crypto_box_seal. libsodium.
 */
#ifndef WIRE_CAPABILITY_H
#define WIRE_CAPABILITY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define CAPABILITY_VERSION 1
#define CAPABILITY_KEY_ID_BYTES 8
#define CAPABILITY_TOKEN_BYTES 16
#define CAPABILITY_DIGEST_BYTES 32      /* SHA-256 */
#define CAPABILITY_KEY_BYTES 32         /* a public or secret X25519 key, a public Ed25519 key */
#define CAPABILITY_SIGNING_KEY_BYTES 64 /* a secret Ed25519 key, as libsodium keeps it */
#define CAPABILITY_SESSION_BYTES 16     /* texts: with at least one NUL */
#define CAPABILITY_NAME_BYTES 32
#define CAPABILITY_SERVER_BYTES 64
#define CAPABILITY_SCOPES_BYTES 64
/* 32 + 4 + the fields, and the signature. */
#define CAPABILITY_SIZE 456
#define CAPABILITY_SEALED_SIZE (CAPABILITY_SIZE + 48)

struct capability {
    uint8_t key_id[CAPABILITY_KEY_ID_BYTES]; /* of the broker's signing key */
    uint64_t epoch;                          /* of the broker: one more each time one starts */
    char session[CAPABILITY_SESSION_BYTES];
    uint8_t token[CAPABILITY_TOKEN_BYTES]; /* what is spent */
    /* The audience: who may redeem it. */
    char stub[CAPABILITY_NAME_BYTES];
    uint32_t uid;                             /* in the container */
    uint8_t program[CAPABILITY_DIGEST_BYTES]; /* of the file that runs */
    uint8_t holder[CAPABILITY_KEY_BYTES];     /* X25519 */
    char server[CAPABILITY_SERVER_BYTES]; /* the server the secret is for; "": the stub itself */
    uint8_t server_pins[CAPABILITY_DIGEST_BYTES]; /* of its origin and pins; zeros: none */
    char scopes[CAPABILITY_SCOPES_BYTES];         /* words with blanks between them */
    char secret[CAPABILITY_NAME_BYTES];           /* the reference */
    uint64_t not_before;                          /* seconds since the epoch of the clock */
    uint64_t expires;
};

/* The broker's signing pair. SECRET is to lie in memory of struct secret. */
void capability_make_signing_pair(uint8_t public_key[CAPABILITY_KEY_BYTES],
                                  uint8_t secret[CAPABILITY_SIGNING_KEY_BYTES]);
/* The first bytes of the BLAKE2b hash of PUBLIC_KEY. */
void capability_key_id(const uint8_t public_key[CAPABILITY_KEY_BYTES],
                       uint8_t id[CAPABILITY_KEY_ID_BYTES]);

/* Writes CAPABILITY, signed with SECRET, into BYTES. 0, or -EINVAL for a text without its NUL. */
int capability_sign(const struct capability *capability,
                    const uint8_t secret[CAPABILITY_SIGNING_KEY_BYTES],
                    uint8_t bytes[CAPABILITY_SIZE]);

/*
 * Reads SIZE bytes at DATA into CAPABILITY without looking at the signature: domain, version, size,
 * and texts that are text up to their first NUL and NUL from there on. 0, or -EPROTO with the
 * reason.
 */
int capability_parse(const void *data, size_t size, struct capability *capability,
                     struct error *err);
/* 0 when PUBLIC_KEY signed the CAPABILITY_SIZE bytes at DATA, else -EKEYREJECTED. */
int capability_verify(const void *data, const uint8_t public_key[CAPABILITY_KEY_BYTES]);

/* Seals BYTES to the holder's public key. 0 or -EINVAL for a key that is none. */
int capability_seal(const uint8_t bytes[CAPABILITY_SIZE],
                    const uint8_t holder[CAPABILITY_KEY_BYTES],
                    uint8_t sealed[CAPABILITY_SEALED_SIZE]);
/* Opens what was sealed to the pair HOLDER and HOLDER_SECRET. 0, or -EKEYREJECTED for another size
 * or another holder's. */
int capability_open(const void *sealed, size_t size, const uint8_t holder[CAPABILITY_KEY_BYTES],
                    const uint8_t holder_secret[CAPABILITY_KEY_BYTES],
                    uint8_t bytes[CAPABILITY_SIZE]);

#endif
