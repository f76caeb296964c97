/* What boot runs as another identity, below the commands' filter. */
#ifndef BOOT_CONFINED_H
#define BOOT_CONFINED_H

#include "lib/base/error.h"
#include "lib/base/users.h"

/* Becomes USER for good: no capabilities, no way back, the filter of commands. In a child that is
 * about to execute something. 0 or -errno. */
int confined_become(const struct user *user, struct error *err);

/* The same as a `prepare` of lib/base/process.h; CONTEXT is the user. */
int confined_prepare(void *context);

#endif
