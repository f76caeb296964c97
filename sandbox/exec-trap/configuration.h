/* Whether what the sandbox service says of the policy can be worked with. Pure. */
#ifndef EXEC_TRAP_CONFIGURATION_H
#define EXEC_TRAP_CONFIGURATION_H

#include "lib/wire/task_protocol.h"

/* Its counts are within its lists, and each row in use is sound. 0 or -EPROTO. */
int configuration_check(const struct task_configuration *configuration);

/* The number of the profile called NAME; 0, the default one's, when there is no other of it. */
uint32_t configuration_find_profile(const struct task_configuration *configuration,
                                    const char *name);

#endif
