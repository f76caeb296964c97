/* The terminal of a sandbox: its own, in place of the caller's. */
#ifndef TASK_SANDBOX_TERMINAL_H
#define TASK_SANDBOX_TERMINAL_H

#include "lib/base/error.h"
#include "sandbox/agent-task-sandbox/streams.h"

struct terminal {
    int master; /* owned; -1: none */
    int slave;  /* owned; -1: none */
};

#define TERMINAL_NONE ((struct terminal){.master = -1, .slave = -1})

/*
 * Makes a terminal with the settings and the size of the caller's, which STREAMS holds, and makes
 * it the controlling one of the calling process, a session leader without one. 0 or -errno.
 */
int terminal_open(struct terminal *terminal, const struct streams *streams, struct error *err);

void terminal_close(struct terminal *terminal);

#endif
