/* Bytes between a terminal and a session, until one of them ends. */
#ifndef AGENT_ATTACH_PUMP_H
#define AGENT_ATTACH_PUMP_H

#include "lib/base/error.h"
#include "sandbox/attach/frame.h"

enum pump_outcome {
    PUMP_ENDED_BY_SESSION = 1, /* an EXIT frame came: *ending is set */
    PUMP_CONNECTION_LOST,      /* it did not */
    PUMP_PROTOCOL_BROKEN,      /* the other side sent what this one does not speak */
    PUMP_TERMINAL_GONE,
    PUMP_SIGNALLED, /* *signal is set */
};

struct pump_result {
    enum pump_outcome outcome;
    struct frame_exit ending;
    int signal;
};

/* Runs with the terminal raw, over the connected SOCKET (borrowed, non-blocking). 0 or -errno. */
int pump_run(int socket, const char *terminal_name, struct pump_result *result, struct error *err);

#endif
