/* The remotes that the host's git proxy serves, as the copy's git is told of them. */
#ifndef BOOT_GIT_REMOTES_H
#define BOOT_GIT_REMOTES_H

#include "init/agent-boot/boot.h"
#include "init/agent-boot/git_config.h"

/* Reads what the host staged, if it did, into CONTEXT. 0 or -errno. */
int git_remotes_take(struct boot_context *context, struct error *err);
/* Adds to CONFIG that these URLs are reached at the relay. ACCESS may be NULL. 0 or -errno. */
int git_remotes_add(const struct git_access *access, struct git_config *config, struct error *err);

#endif
