/* Capability sets of the calling process as 64-bit masks, by raw capget/capset: capabilities(7). */
#ifndef BASE_CAPABILITY_H
#define BASE_CAPABILITY_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPABILITY_BIT(capability) (UINT64_C(1) << (capability))

struct capability_sets {
    uint64_t effective;
    uint64_t permitted;
    uint64_t inheritable;
};

/* Reads the sets of the calling thread into SETS. 0 or -errno. */
int capability_get(struct capability_sets *sets);

/* Sets the three sets of the calling thread. 0 or -errno. */
int capability_set(const struct capability_sets *sets);

/* Sets the effective set to MASK; permitted and inheritable stay. 0 or -errno. */
int capability_set_effective(uint64_t mask);

/*
 * Cuts the calling process down to MASK for good: bounding, ambient and inheritable sets first
 * (needs SETPCAP effective while the bounding set shrinks), then permitted and effective. 0 or
 * -errno.
 */
int capability_limit(uint64_t mask);

/* Empties the bounding set of the calling thread, which what it forks inherits. Needs SETPCAP
 * unless it is empty. 0 or -errno. */
int capability_clear_bounding(void);

/* True when a capability is left in the bounding set. */
bool capability_has_bounding(void);

/* True when CAPABILITY is in the bounding set: prctl(PR_CAPBSET_READ). */
bool capability_is_bounded(int capability);

/* The name without "CAP_", upper case ("SYS_ADMIN"); NULL when unknown. Borrowed. */
const char *capability_name(int capability);

/* The number for NAME, with or without "CAP_", upper case; -EINVAL when unknown. */
int capability_from_name(const char *name);

#endif
