/*
 * Redeeming a capability: the sealed file is opened with the holder's key, the broker asked, and
 * what it grants handed to whoever needs it. The connection stays: it is the lease.
 */
#ifndef UNSEAL_UNSEAL_H
#define UNSEAL_UNSEAL_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/wire/redeem.h"
#include "lib/wire/secret.h"

/* What one run is about. */
struct unseal {
    const char *session;  /* borrowed */
    const char *cap_path; /* borrowed; the sealed capability */
    struct redeem_bond bond;
    int lease;                               /* owned; to the broker; -1 before */
    struct redeem_secret head;               /* of the secret */
    struct secret plain;                     /* owned: the head and the bytes */
    uint8_t digest[CAPABILITY_DIGEST_BYTES]; /* of the bytes */
    struct redeem_session keys;              /* of the lease */
    struct redeem_binding binding;
};

/* redeem.c: reads the bond from REDEEM_BOND_FD, and closes that. 0 or -errno. */
int redeem_read_bond(struct unseal *unseal, struct error *err);
/* Redeems the capability at cap_path, and removes it: it is spent. 0, -EACCES with the broker's
 * reason, or -errno. */
int redeem_capability(struct unseal *unseal, struct error *err);
/* Waits for the end of the lease: revoked, or the broker gone. The words for it (borrowed); NULL
 * for a TERM, which must be blocked: the session ends. */
const char *redeem_await_end(const struct unseal *unseal);
/* Sends RENEWED, a struct redeem_secret and its bytes, over the lease. What became of it, or
 * -errno. */
int redeem_renew(const struct unseal *unseal, const struct secret *renewed, struct error *err);

/* prepare.c: what becomes of the login of the program called NAME. */
struct prepare;
/* The table's row, or NULL for another name. */
const struct prepare *prepare_find(const char *name);
const char *prepare_stub(const struct prepare *prepare);
/* Writes the secret below CODING_AGENTS_AGENT_SECRET_ROOT, 0600, and links the program's own path
 * to it. 0 or -errno; what the row does not know is refused. */
int prepare_place(const struct prepare *prepare, const struct unseal *unseal, struct error *err);
/* Sends the login back when the agent's program has written another one than was placed, and says
 * what became of it. */
void prepare_carry_back(const struct prepare *prepare, const struct unseal *unseal);
/* Removes all of that. */
void prepare_wipe(const struct prepare *prepare);

#endif
