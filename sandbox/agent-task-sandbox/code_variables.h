/* Variables by which a loader or a runtime loads code into a program: whoever sets one chooses what
 * runs, and no shape of a program outside a sandbox allows it, unless it names it. */
#ifndef TASK_SANDBOX_CODE_VARIABLES_H
#define TASK_SANDBOX_CODE_VARIABLES_H

#include "lib/base/error.h"
#include "lib/wire/task_protocol.h"

#define CODE_VARIABLES_FILE "/etc/coding-agents/refused-variables.tab"

/* Names in RULE, when it allows any environment, the variables whose rows in the table at PATH say
 * "code". 0 or -errno; a table without such rows is an error. */
int code_variables_name(const char *path, struct task_direct *rule, struct error *err);

#endif
