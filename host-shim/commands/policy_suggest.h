/* Rules for what a session was seen to do. */
#ifndef COMMANDS_POLICY_SUGGEST_H
#define COMMANDS_POLICY_SUGGEST_H

#include "host-shim/commands/command.h"

/* Prints a policy file of rules that fit what ran in a session and nothing else, or each in a line.
 * 0, or an exit code after the reason was printed. */
int policy_suggest(const struct command_line *line);

#endif
