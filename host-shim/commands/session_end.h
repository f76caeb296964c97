/* Ending sessions: in order or at once, and bringing their work back afterwards. */
#ifndef COMMANDS_SESSION_END_H
#define COMMANDS_SESSION_END_H

#include <stdbool.h>

#include "host-shim/commands/command.h"
#include "lib/base/error.h"
#include "lib/wire/session.h"

enum session_end_way { SESSION_END_STOP, SESSION_END_KILL };

/*
 * Stops or kills the container of *STATE if it runs, waits for its end to be recorded, and replaces
 * *STATE by that record. *WAS_RUNNING (may be NULL) tells whether there was anything to end. 0 or
 * -errno.
 */
int session_end(struct session_state **state, enum session_end_way way, bool *was_running,
                struct error *err);

/* Runs coding-agents-collect for SESSION with our own output. Its exit code, or an exit code for a
 * failure to run it. */
int session_end_collect(const struct command_line *line, const char *session);

#endif
