/* Taking on a file system identity in one thread: what open(2) may touch, and who owns what is
 * made. */
#ifndef BOOT_COPY_IDENTITY_H
#define BOOT_COPY_IDENTITY_H

#include "init/agent-boot/copy.h"

/* Groups, group, user of IDENTITY for the calling thread. 0, or -errno: the thread must not go on
 * then. */
int copy_identity_assume(const struct copy_identity *identity);

#endif
