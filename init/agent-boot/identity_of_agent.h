/* Which identity an agent's program has: a field of policies/agents.tab. */
#ifndef BOOT_IDENTITY_OF_AGENT_H
#define BOOT_IDENTITY_OF_AGENT_H

#include "lib/base/error.h"
#include "lib/base/users.h"

/* 0 with *USER filled, or -errno: -ENOENT for an agent this image does not have. */
int identity_of_agent(const char *agent, struct user *user, struct error *err);

#endif
