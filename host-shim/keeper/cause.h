/* Why a session ended, as one sentence. Pure. */
#ifndef KEEPER_CAUSE_H
#define KEEPER_CAUSE_H

#include <stdbool.h>
#include <stddef.h>

#define CAUSE_SIZE 1024

/* How the container was last seen. */
enum ending_container {
    ENDING_CONTAINER_ENDED = 0,
    ENDING_CONTAINER_NEVER_SEEN, /* nothing was started, or it never appeared */
    ENDING_CONTAINER_REMOVED, /* it was there, and somebody removed it before it could be asked */
};

struct ending {
    enum ending_container container;
    bool was_seen; /* the container existed at some time */
    int exit_code; /* -1 when unknown */
    bool was_oom_killed;
    bool engine_was_away; /* the engine stopped answering while the container ran */
    char engine_error[256];
    char abandoned[256]; /* why the launcher gave up, "" when it did not */
    char advice[512];    /* what to do when the agent fails; "": its exit code is its own affair */
    /* From the container's own events. */
    bool init_spoke;        /* PID 1 sent events at all */
    bool shutdown_was_done; /* PID 1 ended in order */
    int stop_signal;        /* the signal that asked for the stop; 0 when main ended */
    int agent_signal;       /* the signal that ended the agent; 0: none */
    char refused_step[64];
    char refused_message[512];
    char failed_service[64];
};

/* Writes why, or "" when it was the agent's own end and no failure of a vendor's, into TEXT. */
void cause_describe(const struct ending *ending, char text[CAUSE_SIZE]);

#endif
