/* The traced threads of a container: which program each runs, and its registers. */
#ifndef FAULT_TRACEE_H
#define FAULT_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/fault/cell.h"

#define TRACEES_MAX 256

struct tracee {
    pid_t tid; /* in our PID namespace; 0: free */
    enum fault_program program;
    enum fault_phase phase; /* of the program; PID 1's is the session's */
    unsigned int forks;     /* since it executed its program */
    uint64_t loader_start;  /* where the dynamic loader lies; 0: none */
    uint64_t loader_end;
    bool is_injected; /* its running call was taken away: */
    int error;        /* what it shall return */
    uint64_t held_ns; /* continues at this time; 0: runs */
    bool is_leaving;  /* continues untraced */
};

struct tracees {
    struct tracee rows[TRACEES_MAX];
};

/* The row of TID; NULL when it is not traced. Borrowed. */
struct tracee *tracees_find(struct tracees *tracees, pid_t tid);
/* A new row for TID like MODEL, or an empty one when MODEL is NULL. Exits when there is none left.
 */
struct tracee *tracees_add(struct tracees *tracees, pid_t tid, const struct tracee *model);
/* Looks what TRACEE executes now. False when it is none of ours. */
bool tracee_identify(struct tracee *tracee);

/* At a call's entry: something harmless happens in its place. 0 or -errno. */
int tracee_skip_call(const struct tracee *tracee);
/* At its exit: it returns -ERROR. 0 or -errno. */
int tracee_fail_call(const struct tracee *tracee, int error);

#endif
