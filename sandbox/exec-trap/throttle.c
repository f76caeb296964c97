/* A token bucket as one number: the time at which its next token is due. */
#include "sandbox/exec-trap/throttle.h"

#include <stddef.h>

#include "lib/base/clock.h"

#define INTERVAL_NS (CLOCK_NANOSECONDS_PER_SECOND / THROTTLE_RATE)
#define BURST_NS (INTERVAL_NS * THROTTLE_BURST)

static struct throttle_source *find(struct throttle *throttle, uid_t uid)
{
    struct throttle_source *source = throttle->sources;
    for (size_t i = 0; i < THROTTLE_UIDS_MAX; i++) {
        source = &throttle->sources[i];
        if (source->next_ns == 0 || source->uid == uid)
            break;
    }
    if (source->next_ns == 0)
        source->uid = uid;
    return source;
}

uint64_t throttle_count(struct throttle *throttle, uid_t uid, uint64_t now_ns)
{
    struct throttle_source *source = find(throttle, uid);
    uint64_t full = now_ns > BURST_NS ? now_ns - BURST_NS : 0;
    if (source->next_ns < full)
        source->next_ns = full;
    source->next_ns += INTERVAL_NS;
    return source->next_ns > now_ns ? source->next_ns : now_ns;
}
