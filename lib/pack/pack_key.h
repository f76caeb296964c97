/*
 * Keys of archives, derived from one master of the user's. What goes into a session and what comes
 * out have different keys, and each session has its own for what comes out: whoever has one can
 * make nothing else.
 */
#ifndef PACK_PACK_KEY_H
#define PACK_PACK_KEY_H

#include "lib/pack/pack.h"

#define PACK_MASTER_BYTES 32

/*
 * The master in FILE of DIRECTORY (an open directory that is the user's), made when it is missing
 * (0600). One that others can read, or that is not the user's, is refused. 0 or -errno.
 */
int pack_key_load(int directory, const char *file, unsigned char master[PACK_MASTER_BYTES],
                  struct error *err);

/* The key of archives with LABEL. */
void pack_key_derive(const unsigned char master[PACK_MASTER_BYTES], const struct pack_label *label,
                     unsigned char key[PACK_KEY_BYTES]);

#endif
