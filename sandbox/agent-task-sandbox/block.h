/* The strings of a command out of the bytes that a client sealed: struct task_run says how they
 * lie. */
#ifndef TASK_SANDBOX_BLOCK_H
#define TASK_SANDBOX_BLOCK_H

#include <stddef.h>

#include "lib/wire/task_protocol.h"

struct block {
    const char *data; /* borrowed, or a mapping of block_map */
    size_t size;
    char **arguments;      /* owned, with NULL at the end; the strings lie in data */
    char **environment;    /* owned, likewise */
    const char *directory; /* absolute; empty when it was removed */
    size_t arguments_size; /* bytes of all arguments with their NULs, from data on */
};

/*
 * Finds the strings in SIZE bytes at DATA (borrowed for as long as BLOCK is used), of which there
 * must be exactly what RUN counts. 0, or -EINVAL for anything else, -ENOMEM.
 */
int block_parse(const char *data, size_t size, const struct task_run *run, struct block *block);

/*
 * Maps the memfd FD (borrowed), which must be sealed against every change and be as large as RUN
 * says, and finds the strings in it. 0, or -EINVAL, -E2BIG above the limits of the protocol,
 * -ENOMEM.
 */
int block_map(int fd, const struct task_run *run, struct block *block);

/* Releases the lists. A mapping of block_map stays: a process serves one block. */
void block_free(struct block *block);

#endif
