/* What would go with a session that is removed: everything of which there is no other copy. */
#ifndef COMMANDS_LOSSES_H
#define COMMANDS_LOSSES_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/wire/session.h"

struct losses {
    bool has_unfetched;   /* work that is nowhere but in the volume; set by the caller */
    bool has_volume;      /* the engine has that volume */
    json_t *withheld;     /* owned array: files that were left out, kept in the volume */
    json_t *unreached;    /* owned array: refs and stashes that the branch does not contain */
    char clone[PATH_MAX]; /* a clone with work of its own; "" when there is none */
};

/* Fills LOSSES from the session's log and its clone; HAS_VOLUME: false when the volume is gone. 0
 * or -errno. */
int losses_read(const struct session_state *state, bool has_volume, struct losses *losses,
                struct error *err);
void losses_free(struct losses *losses);

bool losses_are_none(const struct losses *losses);

/* One sentence in ERR that names them all, with the first names of each kind. */
void losses_tell(const struct session_state *state, const struct losses *losses, struct error *err);

#endif
