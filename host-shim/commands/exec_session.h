/* The audit log of a session for commands that read it: found, opened, and its damage told. */
#ifndef COMMANDS_EXEC_SESSION_H
#define COMMANDS_EXEC_SESSION_H

#include "host-shim/commands/command.h"
#include "host-shim/commands/exec_list.h"

/*
 * Finds the session that TEXT means and opens its log, nothing read yet. 0 with *STATE owned and
 * LIST for exec_list_close, or an exit code after the reason was printed.
 */
int exec_session_open(const struct command_line *line, const char *text,
                      struct session_state **state, struct exec_list *list);

/*
 * Reads all that was added to the log. *IS_LIVE: somebody may add more; else nothing in it runs any
 * more. 0 or -errno; damage is no failure.
 */
int exec_session_read(struct exec_list *list, bool *is_live, struct error *err);

/* 0 for a log that is whole; else says what is wrong with it and returns EXIT_AUDIT. */
int exec_session_judge_log(const struct command_line *line, const struct exec_list *list);

#endif
