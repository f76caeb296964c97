/* Whether what the sandbox service says of the policy can be worked with. Pure. */
#ifndef EXEC_TRAP_CONFIGURATION_H
#define EXEC_TRAP_CONFIGURATION_H

#include "lib/wire/task_protocol.h"

/* Its counts are within its lists, and each row in use is sound. 0 or -EPROTO. */
int configuration_check(const struct task_configuration *configuration);

#endif
