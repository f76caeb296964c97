/* The docker client in front of a person: what it prints comes from a session. */
#ifndef COMMANDS_CLIENT_RUN_H
#define COMMANDS_CLIENT_RUN_H

#include <stdbool.h>

#include "host-shim/commands/command.h"

/* Runs ARGUMENTS (NULL-terminated, "docker" first), its words filtered for a terminal unless they
 * are wanted raw. 0 or an exit code after the reason was printed. */
int client_run(const struct command_line *line, const char *const *arguments, bool is_raw);

#endif
