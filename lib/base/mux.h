/*
 * Many local connections over one pair of byte streams, such as the standard streams of a program
 * in a container. The side that opens takes connections and tells the other who made each; that one
 * makes a descriptor for each, which is served as if it had been connected to. Messages keep their
 * bounds. Of each connection at most a window is under way in either direction, so one that nobody
 * reads holds up no other, and what either side holds is bounded: memory is taken for what a
 * descriptor does not take at once, and for nothing else. What the other side says against the
 * protocol ends all of it. One loop, no threads.
 */
#ifndef BASE_MUX_H
#define BASE_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/event_loop.h"
#include "lib/base/mux_frame.h"

/* What a message counts beside its bytes. */
#define MUX_OVERHEAD 16u
/* A message may be sent while half of it is left: none waits for a larger one to be taken. */
#define MUX_WINDOW (2 * (MUX_MESSAGE_MAX + MUX_OVERHEAD))
#define MUX_OUTPUT ((size_t)512 * 1024)
/* What a user of a mux may watch in its loop beside what is in it. */
#define MUX_SOURCES_EXTRA 2
#define MUX_TIMER_LINGER 0

struct mux;

struct mux_service {
    int type;          /* SOCK_SEQPACKET or SOCK_STREAM; 0: not served */
    unsigned int most; /* connections at once; more wait to be taken, or are against the protocol */
};

/* One connection. Free while is_used is false. */
struct mux_connection {
    struct mux *mux; /* borrowed */
    int fd;          /* owned; -1: closed here */
    int source;      /* in the loop; -1: not waited for */
    uint32_t watched;
    struct mux_caller caller;
    uint8_t service;
    bool is_used;
    bool is_stream;
    bool is_hung;   /* its descriptor takes nothing any more, and says nothing new */
    bool is_deaf;   /* it takes nothing any more */
    bool in_ended;  /* its descriptor says no more */
    bool out_ended; /* the other side says no more */
    bool out_told;  /* and its descriptor knows */
    bool due_open;  /* frames that have to be said */
    bool due_end;
    bool due_close;
    bool has_closed; /* CLOSE was said, and heard */
    bool was_closed;
    uint32_t credit; /* what may be said */
    uint32_t used;   /* what came, without what was credited */
    uint32_t owed;   /* of that, what is to be credited */
    char *pending;   /* owned; MUX_WINDOW bytes, or NULL: what came and was not taken */
    size_t pending_start;
    size_t pending_end;
    uint64_t linger_ns; /* until then somebody may take it; 0: no limit */
};

struct mux_listener {
    struct mux *mux; /* borrowed */
    int fd;          /* owned; -1: none */
    int source;
    uint8_t service;
    bool is_paused;
};

/*
 * Makes the descriptor for a connection to SERVICE by CALLER: nonblocking, close-on-exec, owned by
 * the mux. Or -errno: it is closed.
 */
typedef int mux_open_callback(void *context, unsigned int service, const struct mux_caller *caller);

/* What a mux is made with. Everything is borrowed until mux_close. */
struct mux_plan {
    int input;                          /* nonblocking */
    int output;                         /* likewise */
    const struct mux_service *services; /* MUX_SERVICES of them */
    mux_open_callback *open;            /* NULL: this side opens, with mux_listen */
    void *context;
};

struct mux {
    struct mux_plan plan;
    struct event_loop loop;
    struct event_source sources[MUX_CONNECTIONS + MUX_SERVICES + 2 + MUX_SOURCES_EXTRA];
    struct event_timer timers[1];
    int input_source;
    int output_source;
    bool is_ready; /* READY was said, or heard */
    bool due_ready;
    int failure; /* -errno, with the reason; 0: it goes on */
    struct error reason;
    struct mux_listener listeners[MUX_SERVICES];
    unsigned int counts[MUX_SERVICES];
    struct mux_connection connections[MUX_CONNECTIONS];
    size_t turn; /* which connection comes first */
    size_t input_used;
    size_t output_start;
    size_t output_end;
    char input[sizeof(struct mux_header) + MUX_MESSAGE_MAX];
    char output[MUX_OUTPUT];
};

/* Sets MUX up as PLAN says, zeroed by the caller. 0 or -errno. */
int mux_open(struct mux *mux, const struct mux_plan *plan);
/* Closes its connections and listeners, not what the plan lent. */
void mux_close(struct mux *mux);

/* Takes connections to FD (listens, owned by MUX from here on, nonblocking) as to SERVICE. 0 or
 * -errno. */
int mux_listen(struct mux *mux, unsigned int service, int fd);

/* Says READY: every listener is there. */
void mux_say_ready(struct mux *mux);

/*
 * Waits at most TIMEOUT_MS (-1: for ever) for something to happen, and does what follows. 0, -EPIPE
 * when the other side has ended, -EPROTO with mux->reason set when it broke the protocol, or
 * -errno.
 */
int mux_run_once(struct mux *mux, int timeout_ms);

/* Takes SIZE bytes of DATA as if the other side had said them. As mux_run_once. */
int mux_feed(struct mux *mux, const void *data, size_t size);

#endif
