/* The variables that the launcher hands over for the agent's own process. */
#ifndef BOOT_SESSION_VARIABLES_H
#define BOOT_SESSION_VARIABLES_H

#include "init/agent-boot/boot.h"

/*
 * Reads them into CONTEXT, when there are some, and leaves a policy for the task runner by which no
 * command gets one of them. 0 or -errno.
 */
int session_variables_read(struct boot_context *context, struct error *err);

#endif
