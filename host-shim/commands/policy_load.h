/* Which files make the policy of a command line, and how a policy comes out of them. */
#ifndef COMMANDS_POLICY_LOAD_H
#define COMMANDS_POLICY_LOAD_H

#include "host-shim/commands/command.h"
#include "lib/policy/policy.h"

/*
 * Loads the policy of --policy, of FILES (COUNT of them) and, without --alone, of what is shipped,
 * for AGENT (NULL: everybody). 0 with *POLICY owned, or an exit code after the reason was printed.
 */
int policy_load_named(const struct command_line *line, char **files, size_t count,
                      const char *agent, struct policy **policy);

#endif
