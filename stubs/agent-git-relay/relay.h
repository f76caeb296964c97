/*
 * agent-git-relay: the container's end of the git proxy. It takes connections on the loopback
 * address and hands their bytes to the proxy's socket and back, without looking at one.
 */
#ifndef GIT_RELAY_RELAY_H
#define GIT_RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/event_loop.h"

/* A git command has one or two; what comes beyond these waits in the listener's queue. */
#define RELAY_PAIRS 16
#define RELAY_BUFFER ((size_t)64 * 1024)

/* One way of a connection. */
struct relay_flow {
    char data[RELAY_BUFFER];
    size_t start;
    size_t end;
    bool has_ended; /* its source says no more */
    bool is_told;   /* and its target knows, or takes no more */
};

enum relay_side { RELAY_COMMAND, RELAY_PROXY, RELAY_SIDES };

struct relay;

struct relay_end {
    struct relay_pair *pair; /* borrowed */
    int fd;                  /* owned; -1: the pair is free */
    int source;              /* in the loop; -1: not waited for */
    bool is_hung;            /* it takes nothing any more, and says nothing new */
};

struct relay_pair {
    struct relay *relay; /* borrowed */
    struct relay_end ends[RELAY_SIDES];
    struct relay_flow flows[RELAY_SIDES]; /* by the side it comes from */
};

struct relay {
    const char *socket; /* borrowed; of the proxy, relative to the working directory */
    int listener;       /* owned */
    int listener_source;
    bool is_full;
    struct event_loop loop;
    struct event_source sources[2 * RELAY_PAIRS + 1];
    struct event_timer timers[1];
    struct relay_pair pairs[RELAY_PAIRS];
};

/* Serves RELAY, whose socket and listener are set, for ever. Returns only -errno. */
int relay_run(struct relay *relay);

#endif
