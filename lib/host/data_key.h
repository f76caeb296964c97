/* The keys of agents' data, and the directory that has them: STATE/data. */
#ifndef HOST_DATA_KEY_H
#define HOST_DATA_KEY_H

#include "lib/base/error.h"
#include "lib/pack/pack.h"

/* STATE/data, made when it is missing: an fd, owned by the caller, or -errno. */
int data_root_open(struct error *err);

/* The master key of this account, read from the directory ROOT, made when it is missing: *MASTER is
 * owned by the caller, who gives it back with sodium_free. 0 or -errno. */
int data_key_load(int root, unsigned char **master, struct error *err);

/* The key of archives with LABEL, into KEY. 0 or -errno. */
int data_key_of(const struct pack_label *label, unsigned char key[PACK_KEY_BYTES],
                struct error *err);

#endif
