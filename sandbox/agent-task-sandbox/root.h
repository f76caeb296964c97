/* The file system of a sandbox: docs/sandbox.md lists it. */
#ifndef TASK_SANDBOX_ROOT_H
#define TASK_SANDBOX_ROOT_H

#include "lib/base/error.h"

/*
 * Gives the calling process a mount namespace of its own whose root holds what the table in root.c
 * says and nothing else: the old root is gone. Sandboxes are copies of it, each with its own /proc,
 * /dev/pts and /dev/shm on top. Needs SYS_ADMIN. 0 or -errno.
 */
int root_build(struct error *err);

#endif
