/*
 * A parallel copier of listed files: reads with one identity, writes with another, follows no link
 * on either side. It never parses what it copies.
 */
#ifndef BOOT_COPY_H
#define BOOT_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

struct copy_item {
    int source_root; /* borrowed directory fd */
    char *source;    /* owned; relative */
    int target_root; /* borrowed directory fd */
    char *target;    /* owned; relative */
    int link_root; /* borrowed directory fd; -1: none. The copy is hard-linked there as LINK_PATH */
    const char *link_path; /* borrowed: a tail of target */
    unsigned int flags;
};

enum copy_flags {
    COPY_REGULAR_ONLY = 1 << 0, /* a symbolic link is left out, as in a git directory */
    COPY_KEEP_EXISTING =
        1 << 1, /* what is there already is the same: objects that two directories share */
};

/* Whose file system identity a thread takes on: credentials(7). */
struct copy_identity {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* borrowed */
    size_t group_count;
};

struct copy_plan {
    struct copy_identity reader;
    struct copy_identity writer;
    bool is_shared;          /* a group shares the tree: it gets what the owner may */
    struct copy_item *items; /* owned */
    size_t count;
    size_t capacity;
};

struct copy_result {
    uint64_t files;
    uint64_t bytes;
    uint64_t missing; /* listed, not there: deleted in the work tree */
    uint64_t special; /* FIFOs, sockets, devices: left out */
};

/* Adds one file. Paths are copied. 0 or -ENOMEM. */
int copy_plan_add(struct copy_plan *plan, int source_root, const char *source, int target_root,
                  const char *target, unsigned int flags);

/* A tree to be copied; everything is borrowed. */
struct copy_tree {
    int source_root;
    const char *directory; /* below source_root */
    int target_root;
    const char *target_prefix; /* put before each path: ".git/" */
    int link_root;             /* -1: no links */
    size_t link_skipped; /* bytes of the target path that the path below link_root does not have */
};

/*
 * Adds every regular file of TREE, walked as the plan's reader. A missing directory adds nothing. 0
 * or -errno.
 */
int copy_plan_add_tree(struct copy_plan *plan, const struct copy_tree *tree, struct error *err);

/* Releases the items. */
void copy_plan_free(struct copy_plan *plan);

/*
 * Copies everything with as many threads as there are processors (at most 8). PROGRESS is called
 * about every 100 ms from the calling thread with the files done; it returns a negative errno to
 * stop. Needs SETUID and SETGID effective. The first failure stops all and is named. 0 or -errno.
 */
typedef int copy_progress(uint64_t done, uint64_t total, void *context);
int copy_run(const struct copy_plan *plan, copy_progress *progress, void *context,
             struct copy_result *result, struct error *err);

#endif
