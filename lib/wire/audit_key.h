/*
 * The key of a session's audit log: made by the keeper for one log, in memory alone, gone with the
 * keeper. Its public half is on record in the log, in security-events.log and in the session's
 * state; its signature closes the log. Ed25519.
 */
#ifndef WIRE_AUDIT_KEY_H
#define WIRE_AUDIT_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

/* In lower case hex, with the terminator. */
#define AUDIT_PUBLIC_KEY_SIZE 65
#define AUDIT_SIGNATURE_SIZE 129

/* What a signature is about: all lines before the one that carries it. Borrowed. */
struct audit_end {
    const char *session;  /* "[a-z2-7]{8}" */
    const char *previous; /* SHA-256 of the last line, hex */
    uint64_t records;     /* lines */
};

struct audit_key;

/*
 * A fresh key. Its memory is locked, in no core file, and zero in every child of this process.
 * *KEY is owned by the caller. 0 or -errno; -ENOMEM where RLIMIT_MEMLOCK has no room for it.
 */
int audit_key_make(struct audit_key **key, struct error *err);
/* Its public half in hex. Borrowed. */
const char *audit_key_public(const struct audit_key *key);
/* 0, or -EPROTO for an END that is none. */
int audit_key_sign(const struct audit_key *key, const struct audit_end *end,
                   char signature[AUDIT_SIGNATURE_SIZE], struct error *err);
/* Zeroes and releases it. NULL is fine. */
void audit_key_free(struct audit_key *key);

/* True when SIGNATURE is that of PUBLIC_KEY for END; both hex, from whoever wrote the log. */
bool audit_key_has_signed(const char *public_key, const struct audit_end *end,
                          const char *signature);

#endif
