/*
 * One thread of a copy. It alternates: as the reader it looks at a batch of entries, as the writer
 * it makes their copies. So it changes its identity twice a batch, not twice a file.
 */
#ifndef BOOT_COPY_WORKER_H
#define BOOT_COPY_WORKER_H

#include <limits.h>
#include <sys/stat.h>

#include "init/agent-boot/copy_data.h"
#include "init/agent-boot/copy_run.h"

#define COPY_BATCH_ENTRIES 64
/* Files up to this size are read whole with their batch. */
#define COPY_SMALL_BYTES (128u * 1024)
/* A batch's content: what stays in a processor's second cache between the read and the write. */
#define COPY_BATCH_BYTES (512u * 1024)

/* An entry as it was seen. Exactly one of these holds, by status.st_mode: */
struct copy_entry {
    const char *name; /* borrowed from the directory */
    struct stat status;
    int fd;           /* owned; a large or sparse file. Else -1, and: */
    const char *data; /* borrowed from the batch: a small file's content, a link's text */
    size_t size;
    struct copy_attributes attributes; /* owned */
};

struct copy_worker {
    struct copy_run *run;                 /* borrowed */
    const struct copy_identity *in_force; /* borrowed; NULL: neither */
    struct copy_directory *new_children;  /* found while a directory was listed */
    struct copy_entry entries[COPY_BATCH_ENTRIES];
    size_t count;
    char *content; /* owned: COPY_BATCH_BYTES */
    size_t content_size;
    struct copy_pipe pipe; /* owned buffer */
};

/* 0 or -ENOMEM. */
int copy_worker_begin(struct copy_worker *worker, struct copy_run *run);
void copy_worker_end(struct copy_worker *worker);
/* 0 or -errno; then the thread has no identity to go on with. */
int copy_worker_become(struct copy_worker *worker, const struct copy_identity *identity,
                       struct error *err);

/* As the reader: opens the directory, keeps its mode and times, lists it when it is whole. 1: there
 * is none any more. 0, 1 or -errno. */
int copy_read_directory(struct copy_worker *worker, struct copy_directory *directory,
                        struct error *err);
/* As the reader: fills the worker's batch with what no other thread took. 0 or -errno. */
int copy_read_batch(struct copy_worker *worker, struct copy_directory *directory,
                    struct error *err);

/* As the writer: makes and opens the directory's copy. 0 or -errno. */
int copy_write_directory(struct copy_worker *worker, struct copy_directory *directory,
                         struct error *err);
/* As the writer: makes what is in the batch, and empties it. 0 or -errno. */
int copy_write_batch(struct copy_worker *worker, struct copy_directory *directory,
                     struct error *err);
/* As the writer: attributes, mode and times, now that nothing below changes any more. 0 or -errno.
 */
int copy_write_directory_end(struct copy_worker *worker, struct copy_directory *directory,
                             struct error *err);
/* As the writer: every hard link of the run that is not the first. 0 or -errno. */
int copy_write_links(struct copy_worker *worker, struct error *err);

#endif
