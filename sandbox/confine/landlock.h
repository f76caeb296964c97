/* What a process and all it starts may still do with files, as a table: landlock(7). */
#ifndef CONFINE_LANDLOCK_H
#define CONFINE_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* The oldest version that can allow a file to be linked or renamed to another directory. */
#define LANDLOCK_ABI_MINIMUM 2

enum landlock_access {
    LANDLOCK_READ = 1 << 0,    /* files and directories */
    LANDLOCK_EXECUTE = 1 << 1, /* files */
    LANDLOCK_WRITE = 1 << 2,   /* files that are there, truncation included */
    LANDLOCK_CHANGE = 1 << 3,  /* entries of directories: make, remove, rename, link; no devices */
    LANDLOCK_DEVICE = 1 << 4,  /* ioctl(2) of device files; asked about from version 5 on */
};

/* Allows ACCESS (enum landlock_access) to PATH and all below it. What no rule allows is refused. */
struct landlock_rule {
    const char *path;
    unsigned int access;
    bool is_optional; /* PATH may be missing */
};

/*
 * Confines the calling thread, which has set no_new_privs, by RULES. From version 6 on it also
 * keeps to itself and its descendants with signals and abstract sockets. 0, or -errno: what an
 * older kernel cannot refuse is left out, but one below LANDLOCK_ABI_MINIMUM is an error.
 */
int landlock_confine(const struct landlock_rule *rules, size_t count, struct error *err);

#endif
