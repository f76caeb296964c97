/* What the audit log of a session proves, together with what is known of it elsewhere. */
#ifndef COMMANDS_AUDIT_PROOF_H
#define COMMANDS_AUDIT_PROOF_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/audit.h"
#include "lib/wire/session.h"

/* From the best to the worst. */
enum audit_standing {
    AUDIT_CLOSED,  /* whole, and its end is signed by the key on record */
    AUDIT_OPEN,    /* whole as far as it goes, and a keeper writes it */
    AUDIT_CUT,     /* whole as far as it goes, and nobody will close it */
    AUDIT_KEYLESS, /* whole, closed by a version that signed nothing */
    AUDIT_DAMAGED, /* the reason says why */
};

struct audit_proof {
    enum audit_standing standing;
    struct audit_chain chain; /* what was proven */
    uint64_t torn;            /* bytes of a last line that has no end */
    uint64_t copies;          /* lines that security-events.log has of it, all the same ones */
    bool has_copies;          /* there is a security-events.log */
    struct error reason;      /* of AUDIT_DAMAGED */
};

/*
 * Checks the log of STATE (borrowed) line by line, its end against the key in STATE, and every copy
 * of its lines in security-events.log. KEY (hex) counts instead of the key in STATE when it is not
 * NULL. 0 or -errno when it could not be read; damage is no failure.
 */
int audit_proof_make(const struct session_state *state, const char *key, struct audit_proof *proof,
                     struct error *err);

/* "closed", "open", "cut", "keyless", "damaged" */
const char *audit_standing_name(enum audit_standing standing);

#endif
