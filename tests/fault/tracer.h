/* Follows a container from its first call to its last, counts, and injects one fault. */
#ifndef FAULT_TRACER_H
#define FAULT_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/fault/cell.h"
#include "tests/fault/tracee.h"

#define CANARIES_MAX 3

struct tracer {
    struct cell cell;
    const char *canary; /* planted where secrets lie, as soon as they may lie there */
    pid_t first;        /* PID 1 of the container */
    uint64_t namespace_inode;
    enum fault_phase phase;     /* of the session */
    uint64_t end_ns;            /* killed then */
    int canaries[CANARIES_MAX]; /* directories that hold it, kept open; -1: none */
    uint32_t counts[FAULT_PROGRAM_COUNT][FAULT_PHASE_COUNT][FAULT_SYSCALLS_MAX];
    struct tracees tracees;
    /* The outcome. */
    uint32_t fired;
    bool is_hung;
    int survivors;     /* processes besides PID 1 when it ended */
    char survivor[32]; /* "(NAME) STATE" of one of them */
    int reachable;     /* canaries that lay in the container's own mounts then */
    int wait_status;
};

/* Attaches to PID, which waits to be let in. 0 or -errno. */
int tracer_attach(struct tracer *tracer, pid_t pid);
/* Follows until PID 1 has ended. */
void tracer_follow(struct tracer *tracer);
/* canary.c: writes the canary to the places of secrets of the running session. */
void canary_plant(struct tracer *tracer);
/* How many canaries the container still reaches by their names, while its PID 1 is there. */
int canary_count_reachable(const struct tracer *tracer);
/* How many of the planted canaries are still there, behind descriptors that keep even what was
 * unmounted. */
int canary_count(const struct tracer *tracer, int *planted);
/* Counts the live processes of the container's PID namespace besides PID 1, and names one. */
int canary_count_survivors(struct tracer *tracer);

#endif
