/* A session's own bridge and volume: made for SESSION, whose label they carry, as NAME. */
#ifndef HOST_NETWORK_H
#define HOST_NETWORK_H

#include "lib/base/error.h"

/* Refuses a CODING_AGENTS_NETWORK_POOL that is none, without asking anybody. 0 or -EINVAL. */
int network_check_pool(struct error *err);

/* Makes the bridge on a subnet of CODING_AGENTS_NETWORK_POOL that is free in the engine. 0 or
 * -errno. */
int network_create(const char *name, const char *session, struct error *err);
int volume_create(const char *name, const char *session, struct error *err);

/* Take them away again. A failure is dropped: there is nothing left to do. */
void network_remove(const char *name);
void volume_remove(const char *name);

#endif
