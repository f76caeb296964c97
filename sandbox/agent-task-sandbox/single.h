/* agent-task-sandbox COMMAND: one command, confined in place, for boot and its hooks. */
#ifndef TASK_SANDBOX_SINGLE_H
#define TASK_SANDBOX_SINGLE_H

#include "lib/base/error.h"

/* Takes the options and the command of ARGV and becomes the command. Only on failure it returns:
 * -errno, and nothing was run. */
int single_run(int argc, char **argv, struct error *err);

#endif
