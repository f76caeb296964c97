/* A path followed as the kernel follows it, one name at a time, for who looks at each place on the
 * way. */
#ifndef TASK_SANDBOX_PATH_WALK_H
#define TASK_SANDBOX_PATH_WALK_H

#include <limits.h>

struct path_walk {
    int at; /* owned: what was reached, open as a path */
    int links;
    char name[NAME_MAX + 1]; /* that was taken last */
    char rest[PATH_MAX];     /* still to go */
};

#define PATH_WALK_NONE ((struct path_walk){.at = -1})

/*
 * From the directory BASE (borrowed), or the root for -1, along PATH, which is relative to it. WALK
 * is PATH_WALK_NONE and is ended by the caller. 0 or -errno.
 */
int path_walk_begin(struct path_walk *walk, int base, const char *path);

/*
 * One name further, "." left out. A link is not gone into: what it says becomes part of the way,
 * and the walk stays where it was, or is at the root. 1, 0 at the end of the path, or -errno:
 * -ELOOP and -ENAMETOOLONG also for more links, and longer ones, than anybody needs.
 */
int path_walk_step(struct path_walk *walk);

void path_walk_end(struct path_walk *walk);

#endif
