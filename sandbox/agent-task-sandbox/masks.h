/* What a sandbox's /proc hides and makes read-only: at least what the engine does in the
 * container's. */
#ifndef TASK_SANDBOX_MASKS_H
#define TASK_SANDBOX_MASKS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* More than engines mask by a factor of two. */
#define MASKS_MAX 32
#define MASK_PATH_SIZE 64

struct mask {
    char path[MASK_PATH_SIZE]; /* absolute, below /proc */
    bool is_directory;
    bool is_read_only; /* shown, but not writable; else hidden */
};

struct masks {
    struct mask items[MASKS_MAX];
    size_t count;
};

/*
 * What engines mask by default and this kernel has, then whatever else is mounted below /proc in
 * the calling process's namespace: MOUNTINFO is the text of /proc/self/mountinfo (borrowed,
 * changed). 0, or -errno: one mask too many, or with a path too long, is an error.
 */
int masks_find(char *mountinfo, struct masks *masks, struct error *err);

/* An empty directory of the root's own, read-only as that is, until something is mounted on it. */
#define MASK_EMPTY "/dev/shm"

/* Lays MASKS over the /proc of the calling process, before its MASK_EMPTY is covered. Needs
 * SYS_ADMIN. 0 or -errno. */
int masks_lay(const struct masks *masks, struct error *err);

#endif
