/* Refusals of who serves a container, on record: one by one at first, and counted after that. */
#ifndef HOST_REFUSALS_H
#define HOST_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/wire/audit.h"

/* Of one session; all zero at its start. */
struct refusals {
    uint64_t count;
};

/* All texts are borrowed. */
struct refusal {
    enum audit_event event;
    const char *what;    /* in `limit-hit`, once there are too many: what was asked for */
    const char *reason;  /* by its name in the record */
    uid_t uid;           /* on the host, as the kernel says */
    pid_t pid;           /* likewise */
    const char *detail;  /* of somebody untrusted; "" for none */
    bool is_told_anyway; /* also when there are too many */
};

/* Counts REFUSAL, and tells the keeper at KEEPER (borrowed): of each of the first 1,000, then every
 * 10,000th time how many there were. What cannot be sent is lost, as in keeper_tell.h. */
void refusals_tell(struct refusals *refusals, int keeper, const struct refusal *refusal);

#endif
