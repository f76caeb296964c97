/* How fast one uid's execs go on record: delays, never drops. Pure. */
#ifndef EXEC_TRAP_THROTTLE_H
#define EXEC_TRAP_THROTTLE_H

#include <stdint.h>
#include <sys/types.h>

/* Execs of one uid that go on record: so many a second for long, so many at once. */
#define THROTTLE_RATE 2000
#define THROTTLE_BURST 2000
#define THROTTLE_UIDS_MAX 16

/* Zeroed at first. */
struct throttle {
    struct throttle_source {
        uid_t uid;
        uint64_t next_ns; /* when the next one would be due at the steady rate; 0: unused */
    } sources[THROTTLE_UIDS_MAX];
};

/*
 * Counts one exec of UID at NOW_NS (CLOCK_MONOTONIC) and returns when it may go on: NOW_NS, or
 * later when UID used its burst up. Uids beyond the table share its last row.
 */
uint64_t throttle_count(struct throttle *throttle, uid_t uid, uint64_t now_ns);

#endif
