/* How coding-agents-transport tells coding-agents-collect why it ended: one structure over a pipe.
 */
#ifndef COLLECT_TRANSPORT_H
#define COLLECT_TRANSPORT_H

#include <stdint.h>

/* A pack stream says something every five seconds (uploadpack.keepAlive); this long a silence is
 * none. */
#define TRANSPORT_IDLE_MS (120 * 1000)
/* A stream that keeps talking and never ends is cut off as well. */
#define TRANSPORT_TOTAL_MS (60 * 60 * 1000)

enum transport_end {
    TRANSPORT_END_CLOSED = 1, /* one side closed, as at the end of every fetch */
    TRANSPORT_END_LIMIT = 2,  /* more bytes than allowed */
    TRANSPORT_END_IDLE = 3,   /* silence, or no end */
    TRANSPORT_END_FAILED = 4, /* read or write failed; number is the errno */
};

struct transport_report {
    uint32_t end;
    int32_t number;
    uint64_t received; /* bytes from the container */
};

#endif
