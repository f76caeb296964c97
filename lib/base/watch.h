/* A descriptor that a loop watches for as long as it is open: event_loop.h. */
#ifndef BASE_WATCH_H
#define BASE_WATCH_H

#include <stdint.h>

#include "lib/base/event_loop.h"

struct watch {
    struct event_loop *loop; /* borrowed */
    int fd;                  /* owned; -1: none */
    int source;              /* -1: not watched */
};

#define WATCH_NONE ((struct watch){.fd = -1, .source = -1})

/*
 * Watches FD for input. It is taken, whatever comes of it; it may be a -errno, which is handed on.
 * 0 or -errno: WATCH is none then.
 */
int watch_begin(struct watch *watch, struct event_loop *loop, int fd,
                event_loop_source_callback *callback, void *context);

/* EVENTS: EPOLLIN, or 0 for nothing but its end. */
void watch_change(const struct watch *watch, uint32_t events);

/* The descriptor stays. */
void watch_stop(struct watch *watch);

void watch_close(struct watch *watch);

#endif
