/* What a detached command says: nobody waits for it, so its sandbox keeps it, up to a limit. */
#ifndef TASK_SANDBOX_LOG_H
#define TASK_SANDBOX_LOG_H

#include <stddef.h>

#include "sandbox/agent-task-sandbox/streams.h"

struct log {
    int memory; /* owned; -1: no log is kept */
    int output; /* owned; the end to read from */
    size_t size;
};

#define LOG_NONE ((struct log){.memory = -1, .output = -1})

/* Opens a log and gives the command STREAMS that lead to it, and nothing to read. 0 or -errno. */
int log_open(struct log *log, struct streams *streams);

enum log_result {
    LOG_MORE,    /* something came, there may be more */
    LOG_NOTHING, /* nothing came */
    LOG_END,     /* nothing can come any more */
};

/* Keeps a part of what has come in. */
enum log_result log_take(struct log *log);

/* A descriptor of its own (owned by the caller), at the start, read-only; or -errno, -ENOENT when
 * there is no log. */
int log_share(const struct log *log);

#endif
