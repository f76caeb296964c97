/* A shipped filter on the running kernel: one call at a time, each in a process of its own. */
#ifndef TESTS_FILTER_PROBE_H
#define TESTS_FILTER_PROBE_H

#include <limits.h>
#include <stdbool.h>

#include "tests/unit/policies/expected_calls.h"

/* The filter that was chosen, the second of two. */
extern char filter_path[PATH_MAX];

/* A cmocka setup: looks where the filters are. */
int filter_find(void **state);

/* Chooses the filter NAME. 0 or -errno. */
int filter_choose(const char *name);

/* Chooses FIRST, below which a process comes first, and SECOND. 0 or -errno. */
int filter_choose_both(const char *first, const char *second);

/* The calling process is below it, or ends. */
void filter_enter(void);

/* The errno of CALL in a child, 0 for success; 1000 plus the signal that ended it. */
int filter_outcome(const struct expected_call *call, bool is_filtered);

/* Fails unless the filter does with CALL what the row says, and the kernel without it otherwise. */
void filter_check(const struct expected_call *call);

#endif
