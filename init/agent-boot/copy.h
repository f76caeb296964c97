/*
 * A parallel copier: reads with one identity, writes with another, follows no link on either side,
 * opens no device. Whole trees and lists of files go through the same core. docs/copy.md explains
 * it.
 */
#ifndef BOOT_COPY_H
#define BOOT_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

enum copy_flags {
    COPY_REGULAR_ONLY = 1 << 0, /* anything else is left out silently, as in a git directory */
    COPY_KEEP_EXISTING =
        1 << 1, /* what is there already is the same: objects that two directories share */
    COPY_PLAIN_DIRECTORIES = 1 << 2, /* directories are made 0755 and keep no times */
    COPY_KEEP_ROOT = 1 << 3,         /* the target's top directory keeps its mode and times */
};

/* True for an entry NAME of the directory called DIRECTORY that a whole tree leaves out. */
typedef bool copy_filter(const char *directory, const char *name);

/* Where a tree is read and where it is written: names below all of them are the same. */
struct copy_root {
    int source; /* borrowed directory fds, O_PATH or not */
    int target;
    int link;           /* -1: none. The copy of each file and link is hard-linked below it too */
    unsigned int flags; /* enum copy_flags */
    copy_filter *skips; /* NULL: nothing */
};

/* Whose file system identity a thread takes on: credentials(7). */
struct copy_identity {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* borrowed */
    size_t group_count;
};

struct copy_directory; /* copy_tree.h */

/* What is to be copied. It runs once. Zeroed, then the first three are the caller's. */
struct copy_plan {
    struct copy_identity reader;
    struct copy_identity writer;
    bool is_shared; /* a group shares the tree: it gets what the owner may */

    struct copy_directory *directories; /* owned, newest first */
    struct copy_directory **buckets;    /* owned: by parent and name */
    size_t bucket_count;
    size_t directory_count;
};

struct copy_result {
    uint64_t files;      /* regular files and symbolic links that are there now */
    uint64_t bytes;      /* of regular files */
    uint64_t missing;    /* listed or seen, then not there */
    uint64_t special;    /* FIFOs, sockets, devices: left out */
    uint64_t attributes; /* of users, and ACLs, that the target's file system cannot hold */
};

/* Adds a root; *TOP (borrowed from the plan) is where paths of it begin. ROOT is copied. 0 or
 * -ENOMEM. */
int copy_plan_add_root(struct copy_plan *plan, const struct copy_root *root,
                       struct copy_directory **top);

/*
 * Adds one file, PATH being plain and relative; its directories come along with their modes and
 * times. A directory listed like a file (an empty submodule) is made. 0 or -ENOMEM.
 */
int copy_plan_add_file(struct copy_plan *plan, struct copy_directory *top, const char *path);

/*
 * Adds everything below the directory PATH, "." for all; nothing in it may be listed as well. One
 * that is missing adds nothing. 0 or -ENOMEM.
 */
int copy_plan_add_tree(struct copy_plan *plan, struct copy_directory *top, const char *path);

/* Releases what the plan owns. */
void copy_plan_free(struct copy_plan *plan);

/*
 * Copies everything with as many threads as there are processors (at most 8). PROGRESS is called
 * about every 50 ms from the calling thread with what is done; it returns a negative errno to stop,
 * which is heard within a few milliseconds. Needs SETUID and SETGID effective, and /proc. The
 * process's umask is 0 meanwhile. The first failure stops all and is named. 0 or -errno.
 */
typedef int copy_progress(const struct copy_result *done, void *context);
int copy_run(struct copy_plan *plan, copy_progress *progress, void *context,
             struct copy_result *result, struct error *err);

#endif
