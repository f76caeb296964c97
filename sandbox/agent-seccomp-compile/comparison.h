/* One argument comparison of a rule, expanded into what libseccomp can express. */
#ifndef AGENT_SECCOMP_COMPILE_COMPARISON_H
#define AGENT_SECCOMP_COMPILE_COMPARISON_H

#include <jansson.h>
#include <seccomp.h>
#include <stddef.h>

#include "lib/base/error.h"

/* None-of a dozen values needs some 32 times as many; more would not fit into a filter. */
#define COMPARISON_ALTERNATIVES_MAX 512

/* The comparison holds when one of these does. */
struct comparison {
    struct scmp_arg_cmp alternatives[COMPARISON_ALTERNATIVES_MAX];
    size_t count;
};

/*
 * Reads {"index": 0, "operator": OPERATOR, "values": [...], "mask": N}. Operators:
 *   equal         the whole 64-bit argument is one of the values
 *   masked-equal  the argument's bits in "mask" are one of the values
 *   bits-set      all bits of one of the values are set
 *   none-of       the low 32 bits, which is what a call that takes an int looks at, are none of the
 * values at-least      the whole 64-bit argument is the value or more A value is a number, "0x..."
 * or the name of a constant. 0, or -EINVAL with the key at fault in ERR.
 */
int comparison_read(const json_t *json, struct comparison *comparison, struct error *err);

#endif
