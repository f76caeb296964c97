/* The fallback where views cannot be idmapped: one group, setgid directories, a default ACL. */
#ifndef BOOT_SHARED_GROUP_H
#define BOOT_SHARED_GROUP_H

#include "init/agent-boot/boot.h"

/*
 * Makes /workspace and /tmp group-writable for agentuser's group, setgid, with the default ACL
 * user::rwx group::rwx other::r-x, so that what either identity creates there the other can edit
 * and rename. Each can chmod only what it owns: the limit of the fallback. 0 or -errno.
 */
int shared_group_prepare(const struct boot_context *context, struct error *err);

#endif
