/* How the tables of expected_calls.h are made. */
#ifndef TESTS_POLICIES_EXPECTED_TABLE_H
#define TESTS_POLICIES_EXPECTED_TABLE_H

#include <stdbool.h>

#include "tests/unit/policies/expected_calls.h"

/* What the kernel does not look at in a word of 32 bits. */
#define HIGH_BITS (UINT64_C(0x5a5a) << 32)
#define FAMILIES 64
#define ALLOWED_MAX 8

/* A word of a call of which few values are let through. */
struct expected_range {
    const char *name;
    long number;
    unsigned int index;
    int refusal;
    uint64_t arguments[3];
    uint64_t allowed[ALLOWED_MAX];
    size_t allowed_count;
    uint64_t first, end;
    bool is_bits; /* single bits, 1 << first to 1 << (end - 1) */
};

void expected_add(struct expected_calls *expected, const struct expected_call *call);
void expected_add_all(struct expected_calls *expected, const struct expected_call *calls,
                      size_t count);
/* Each value from the range's first to its end. */
void expected_add_range(struct expected_calls *expected, const struct expected_range *range);

#endif
