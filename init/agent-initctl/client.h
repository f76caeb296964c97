/* A question to PID 1 over its control socket. */
#ifndef INITCTL_CLIENT_H
#define INITCTL_CLIENT_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/init_protocol.h"

/* Called for each reply before the last. A negative errno (ERR set) stops. */
typedef int client_reply_callback(const struct init_reply *reply, void *context, struct error *err);

/* Connects to PID 1. The fd (owned by the caller) or -errno; -ENOENT and -ECONNREFUSED: it does not
 * listen (yet). */
int client_connect(struct error *err);

/* client_connect, tried until DEADLINE_NS (CLOCK_MONOTONIC; 0: for ever) while PID 1 does not
 * listen yet. */
int client_connect_patiently(uint64_t deadline_ns, struct error *err);

struct client_question {
    enum init_request_type type;
    const char *service;             /* borrowed; "" for none */
    uint64_t deadline_ns;            /* CLOCK_MONOTONIC; 0: none */
    client_reply_callback *callback; /* NULL: only the last reply counts */
    void *context;                   /* borrowed; for the callback */
};

/*
 * Asks QUESTION on FD and hands each reply to the callback until the last one or the deadline. 0,
 * -ETIMEDOUT, or what PID 1 answered as -errno, with a sentence.
 */
int client_ask(int fd, const struct client_question *question, struct error *err);

#endif
