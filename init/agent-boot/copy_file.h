/* One thread's copying of one file after the other, with the two directories of the last one kept
 * open. */
#ifndef BOOT_COPY_FILE_H
#define BOOT_COPY_FILE_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "init/agent-boot/copy.h"

/* The directory of the last path, so that a sorted list opens each directory once. */
struct copy_directory {
    int root;
    int fd; /* -1: none */
    char path[PATH_MAX];
};

enum copy_side { COPY_SIDE_NONE, COPY_SIDE_READER, COPY_SIDE_WRITER };

struct copy_worker {
    const struct copy_plan *plan;  /* borrowed */
    const atomic_bool *is_stopped; /* borrowed: looked at inside large files */
    enum copy_side side;           /* whose identity the thread has now */
    struct copy_directory source;
    struct copy_directory target;
    struct copy_directory link;
    struct copy_result result;
};

void copy_worker_init(struct copy_worker *worker, const struct copy_plan *plan,
                      const atomic_bool *is_stopped);
/* Copies ITEM. What is not there or is no file is counted, not an error. 0 or -errno naming the
 * path. */
int copy_worker_copy(struct copy_worker *worker, const struct copy_item *item, struct error *err);
void copy_worker_end(struct copy_worker *worker);

#endif
