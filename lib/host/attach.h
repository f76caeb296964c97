/* The terminal of a session, in this one: the only way in that `run` and `connect` have. */
#ifndef HOST_ATTACH_H
#define HOST_ATTACH_H

#include <stdbool.h>

#include "lib/base/error.h"

/*
 * Waits for the agent in CONTAINER, with the boot report on stderr, and sets *IS_READY: false means
 * that there is none, and none will be. 0, or -errno when the report could not be shown.
 */
int attach_await_agent(const char *container, bool *is_ready, struct error *err);

/* True once the agent runs; PID 1 keeps the answer back while it boots. */
bool attach_agent_is_ready(const char *container);

/*
 * Attaches the terminal to the agent in CONTAINER until either lets go. SIGNALS (borrowed): a
 * signalfd of signals_hold; one that ends programs detaches, and the session goes on. 0 with *CODE
 * of the client, or -errno.
 */
int attach_terminal(const char *container, int signals, int *code, struct error *err);

/* Shows what CONTAINER logs from SINCE on (RFC 3339, "0": all of it) until it has ended. 0 or
 * -errno. */
int attach_await_end(const char *container, const char *since, struct error *err);

#endif
