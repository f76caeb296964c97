/*
 * What somebody less trusted may have done: so much at once, and then as much as time brings.
 */
#ifndef BASE_ALLOWANCE_H
#define BASE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

struct allowance {
    uint64_t each_ns;    /* time that one costs */
    uint64_t most_ns;    /* what is saved at most */
    uint64_t saved_ns;   /* time that is not spent yet */
    uint64_t counted_ns; /* as of when, on the monotonic clock */
};

/* Makes ALLOWANCE one of COUNT at once and one every EACH_NS (not 0) after that, and nothing spent
 * at NOW_NS. COUNT times EACH_NS is less than 2^63. */
void allowance_open(struct allowance *allowance, uint64_t count, uint64_t each_ns, uint64_t now_ns);

/* Takes one at NOW_NS, which is never before an earlier one. False: there is none left, and nothing
 * is taken. */
bool allowance_take(struct allowance *allowance, uint64_t now_ns);

#endif
