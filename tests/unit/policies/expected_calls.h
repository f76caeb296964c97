/* What the shipped seccomp filters are to say, call by call: written down here, and not read from
 * the filters. */
#ifndef TESTS_POLICIES_EXPECTED_CALLS_H
#define TESTS_POLICIES_EXPECTED_CALLS_H

#include <stddef.h>
#include <stdint.h>

#define EXPECTED_CALLS_MAX 1024

struct expected_call {
    const char *name;
    long number;
    uint64_t arguments[3];
    int refusal; /* the filter's errno; 0: the filter lets it through */
};

/* Tables of calls that can be made: whatever a kernel without the filter answers, it is not the
 * refusal, and nothing happens to the machine. */
struct expected_table {
    const struct expected_call *calls;
    size_t count;
};
extern const struct expected_table expected_of_both;
extern const struct expected_table expected_of_commands;
extern const struct expected_table expected_of_the_trap;

/* All that is expected of a filter, with what is judged and never made: families, protocols and
 * personalities one by one, calls that would do harm or that this kernel has not. */
struct expected_calls {
    struct expected_call calls[EXPECTED_CALLS_MAX];
    size_t count;
};
void expected_fill_command(struct expected_calls *expected);
void expected_fill_trap(struct expected_calls *expected);
void expected_fill_runner(struct expected_calls *expected);
void expected_fill_container(struct expected_calls *expected);

#endif
