/* Commands that are programs of their own: coding-agents-NAME in libexec, beside others that are no
 * commands. */
#ifndef HOST_COMMAND_PROGRAM_H
#define HOST_COMMAND_PROGRAM_H

#include <stdbool.h>

#include "lib/host/near_name.h"

#define COMMAND_PROGRAM_PREFIX "coding-agents-"
#define COMMAND_PROGRAM_SIZE (sizeof(COMMAND_PROGRAM_PREFIX) + NEAR_NAME_LENGTH)

/* True when NAME may be a command's: of lower case letters and '-', and no program that others
 * start. */
bool command_program_is_name(const char *name);

/* The command that is most like NAME into NEAREST; "run", "launch" and those that are installed. */
void command_program_find_nearest(const char *name, char nearest[NEAR_NAME_LENGTH + 1]);

#endif
