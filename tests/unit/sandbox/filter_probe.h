/* A shipped filter on the running kernel: one call at a time, each in a process of its own. */
#ifndef TESTS_FILTER_PROBE_H
#define TESTS_FILTER_PROBE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* One system call with three arguments: the kernel's answer, or that of the filter. */
struct call {
    const char *name;
    long number;
    uint64_t arguments[3];
    int refusal; /* the filter's errno; 0: the filter must not change the outcome */
};

/* The filter that was chosen. */
extern char filter_path[PATH_MAX];

/* A cmocka setup: looks where the filters are. */
int filter_find(void **state);

/* Chooses the filter NAME. 0 or -errno. */
int filter_choose(const char *name);

/* The calling process is below it, or ends. */
void filter_enter(void);

/* The errno of CALL in a child, 0 for success; 1000 plus the signal that ended it. */
int filter_outcome(const struct call *call, bool is_filtered);

/* Fails unless the filter does with CALL what the row says, and the kernel without it otherwise. */
void filter_check(const struct call *call);

#endif
