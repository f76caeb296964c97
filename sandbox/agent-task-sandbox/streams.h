/* Descriptors 0 to 2 of a command: what a caller may hand over, and what the command gets. */
#ifndef TASK_SANDBOX_STREAMS_H
#define TASK_SANDBOX_STREAMS_H

#include <stdbool.h>

#include "lib/base/error.h"

#define STREAM_COUNT 3

struct stream {
    int fd;           /* owned; what the command gets; -1: it is closed there */
    int original;     /* owned; the caller's, when fd is the same file opened anew; else -1 */
    bool is_terminal; /* fd is the caller's terminal, which the sandbox's own replaces */
};

struct streams {
    struct stream items[STREAM_COUNT];
};

/*
 * Accepts regular files, pipes, terminals, harmless devices and unnamed pairs of local sockets, and
 * refuses all else: directories, descriptors that only name something, files of the kernel's own
 * file systems, connections to services. A regular file that this identity cannot open again by
 * way of the descriptor, because another view of the file system made it, is opened by its path
 * here: same file, mode, flags and offset. 0, or -errno with ERR set.
 */
int streams_adopt(struct streams *streams, struct error *err);

bool streams_have_terminal(const struct streams *streams);

/* A command that has ended left its offset in the file it was given; the caller's description
 * follows. */
void streams_return_offsets(const struct streams *streams);

/* Closes what can be read to an end by others: all but the files whose offset is still owed. */
void streams_let_go(struct streams *streams);

#endif
