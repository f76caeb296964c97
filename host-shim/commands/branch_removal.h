/* The host branch of a session that is removed: it goes when it was made for the session and holds
 * nothing. */
#ifndef COMMANDS_BRANCH_REMOVAL_H
#define COMMANDS_BRANCH_REMOVAL_H

#include <stdbool.h>

#include "lib/wire/session.h"

/*
 * Deletes the host branch of STATE when its reflog begins with the session, it has no commit beyond
 * the base, and no work tree has it checked out. True when it was deleted. Anything in doubt keeps
 * it.
 */
bool branch_removal_run(const struct session_state *state);

#endif
