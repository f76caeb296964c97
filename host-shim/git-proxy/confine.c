/* Locks the heap, and locks the proxy in. */
#include "host-shim/git-proxy/confine.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/cleanup.h"
#include "lib/host/landlock.h"

/* Half of what a user may usually lock; the certificates of all authorities take 2 MiB of it. */
#define HEAP_BYTES (4 * 1024 * 1024)
#define ROOM_BYTES (1024 * 1024)

/* The kernel's word on where the heap lies: proc(5), maps. */
static int find_heap(uintptr_t *start, uintptr_t *end)
{
    char line[512];
    cleanup_file FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "[heap]") != NULL && sscanf(line, "%lx-%lx", start, end) == 2)
            return 0;
    }
    return maps == NULL ? -errno : -ENOENT;
}

/* All of it at once, never given back, and everything of any size in it. */
static int lock_heap(void)
{
    uintptr_t start = 0;
    uintptr_t end = 0;
    mallopt(M_MMAP_THRESHOLD, HEAP_BYTES);
    mallopt(M_TRIM_THRESHOLD, 64 * HEAP_BYTES);
    mallopt(M_TOP_PAD, HEAP_BYTES);
    /* More than is free of it now, and asked for in earnest. */
    char *room = malloc(ROOM_BYTES);
    if (room == NULL)
        return -ENOMEM;
    explicit_bzero(room, ROOM_BYTES);
    free(room);
    int result = find_heap(&start, &end);
    if (result < 0)
        return result;
    uintptr_t size = end - start;
    return mlock((const void *)start, size > HEAP_BYTES ? HEAP_BYTES : size) < 0 ? -errno : 0;
}

int confine_memory(struct error *err)
{
    int result = lock_heap();
    if (result < 0)
        return error_set(
            err, -result,
            "keep the git proxy out of swap; allow it 8 MiB of locked memory (ulimit -l)");
    return 0;
}

int confine_self(struct error *err)
{
    return landlock_confine_to_processes("seccomp/git-proxy.bpf", "the git proxy", err);
}
