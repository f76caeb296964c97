/*
 * A secret in memory: on pages of its own between guard pages, locked out of swap and core files,
 * zeroed when it is released (sodium_malloc of libsodium). The only place where a secret's bytes
 * may lie for longer than a call; never in an error, an argument, the environment or a log.
 */
#ifndef WIRE_SECRET_H
#define WIRE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct secret {
    uint8_t *data; /* owned; NULL: none */
    size_t size;
};

/* Makes SECRET one of SIZE bytes, zeroed. 0 or -ENOMEM, also when the pages cannot be locked and
 * MUST_LOCK is set. */
int secret_make(struct secret *secret, size_t size, bool must_lock, struct error *err);

/* Zeroes and releases the bytes, and empties SECRET. One without bytes is fine. */
void secret_wipe(struct secret *secret);

/* Variables that own: `cleanup_secret struct secret secret = {.data = NULL};` */
#define cleanup_secret __attribute__((cleanup(secret_wipe)))

/* Gives jansson, for the rest of the process, an allocator that zeroes what it releases: documents
 * with secrets are parsed after this call. */
void secret_wipe_json(void);

#endif
