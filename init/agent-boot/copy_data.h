/* The content of large and sparse files, from descriptor to descriptor. */
#ifndef BOOT_COPY_DATA_H
#define BOOT_COPY_DATA_H

#include "init/agent-boot/copy_run.h"

/* How data can travel between two file systems; the best comes first, and each top remembers what
 * was refused. */
enum copy_method { COPY_BY_CLONE, COPY_BY_RANGE, COPY_BY_BUFFER };

/* What one thread needs for it. */
struct copy_pipe {
    struct copy_run *run; /* borrowed */
    char *buffer;         /* owned; made when first needed */
};

/*
 * Copies SOURCE, which had STATUS when it was opened, into the empty TARGET: at most st_size bytes,
 * so that a file that grows meanwhile ends. Holes stay holes, and what was allocated and never
 * written becomes one. 0 or -errno; -ECANCELED when the run stopped.
 */
int copy_data(struct copy_pipe *pipe, struct copy_directory *top, int source, int target,
              const struct stat *status);

#endif
