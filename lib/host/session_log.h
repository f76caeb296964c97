/* What the audit log of a session proves. Silence proves nothing: boot goes on without a keeper. */
#ifndef HOST_SESSION_LOG_H
#define HOST_SESSION_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * True when the log says that the shutdown of the session's last run committed and pushed its work,
 * or had none to save. SINCE_NS (CLOCK_REALTIME): when that run was started; what was saved earlier
 * does not count. 0: not known.
 */
bool session_log_is_saved(const char *session, uint64_t since_ns);

/* True when the log says that boot was refused, and nothing in it that anything ran: there is no
 * work. */
bool session_log_never_ran(const char *session);

/*
 * Adds to WITHHELD and UNREACHED (arrays, borrowed) the names of what stayed in the volume when the
 * work was saved: files that were left out, and refs that the branch does not contain.
 */
void session_log_left(const char *session, json_t *withheld, json_t *unreached);

/*
 * True when CONTAINER, which ended with CODE, printed a refusal of its first steps and no keeper
 * heard of it: until the third step nobody but boot can print.
 */
bool session_log_was_refused_unheard(const char *container, int code);

#endif
