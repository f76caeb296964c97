/* The directories that the session's agent shares with its commands. */
#ifndef BOOT_SHARED_H
#define BOOT_SHARED_H

#include "init/agent-boot/boot.h"

/* Makes what policies/agent-shared.tab says for the session's agent, in memory, and the links to it
 * in agentcli's home, as agentcli. 0 or -errno. */
int shared_make(const struct boot_context *context, struct error *err);

#endif
