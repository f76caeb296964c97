/* What keeps a credential in the proxy, and the proxy from what it does not need. */
#ifndef GIT_PROXY_CONFINE_H
#define GIT_PROXY_CONFINE_H

#include "lib/base/error.h"

/*
 * A heap that stays out of swap: what curl and OpenSSL make of a credential lies there. Not all of
 * the process, whose libraries are larger than what a user may lock. 0 or -errno.
 */
int confine_memory(struct error *err);

/* The fence: no file but those of /proc, no program and no socket but those it has. 0 or -errno. */
int confine_self(struct error *err);

#endif
