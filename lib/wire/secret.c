/* Memory for secrets, and an allocator for JSON that leaves none behind. */
#include "lib/wire/secret.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int secret_make(struct secret *secret, size_t size, bool must_lock, struct error *err)
{
    if (sodium_init() < 0)
        return error_set(err, EIO, "start libsodium");
    uint8_t *data = sodium_malloc(size > 0 ? size : 1);
    if (data == NULL)
        return error_set(err, ENOMEM, "make memory for a secret");
    /* sodium_malloc tries to lock and does not say whether it could. */
    if (must_lock && sodium_mlock(data, size > 0 ? size : 1) < 0) {
        sodium_free(data);
        return error_set(err, ENOMEM,
                         "lock memory for secrets: allow more of it (ulimit -l, LimitMEMLOCK)");
    }
    sodium_memzero(data, size);
    *secret = (struct secret){.data = data, .size = size};
    return 0;
}

void secret_wipe(struct secret *secret)
{
    sodium_free(secret->data);
    *secret = (struct secret){.data = NULL};
}

/* The size stands in front of what jansson gets; 16 bytes keep its alignment. */
#define HEAD 16

static void *allocate(size_t size)
{
    if (size > SIZE_MAX - HEAD)
        return NULL;
    char *memory = malloc(size + HEAD);
    if (memory == NULL)
        return NULL;
    memcpy(memory, &size, sizeof(size));
    return memory + HEAD;
}

static void release(void *pointer)
{
    if (pointer == NULL)
        return;
    char *memory = (char *)pointer - HEAD;
    size_t size;
    memcpy(&size, memory, sizeof(size));
    sodium_memzero(memory, size + HEAD);
    free(memory);
}

void secret_wipe_json(void)
{
    json_set_alloc_funcs(allocate, release);
}
