/* A descriptor in an event loop whose interest comes and goes with the room in buffers. */
#ifndef ATTACH_WATCH_H
#define ATTACH_WATCH_H

#include <stdint.h>

#include "lib/base/event_loop.h"

struct watch {
    struct event_loop *loop; /* borrowed */
    int fd;                  /* borrowed */
    int source;              /* in the loop; -1 while not watched */
    uint32_t events;
    event_loop_source_callback *callback;
    void *context; /* borrowed */
};

/* A watch of FD that waits for nothing yet. */
struct watch watch_make(struct event_loop *loop, int fd, event_loop_source_callback *callback,
                        void *context);

/*
 * Waits for EVENTS. With 0 the descriptor leaves the loop altogether: epoll reports a hang-up
 * whether asked or not, and a peer that is gone would keep the loop spinning. 0 or -errno.
 */
int watch_set(struct watch *watch, uint32_t events);

#endif
