/* One loaded policy and what was made of it. */
#ifndef TASK_SANDBOX_GENERATION_H
#define TASK_SANDBOX_GENERATION_H

#include <stdint.h>

#include "lib/base/error.h"
#include "sandbox/agent-task-sandbox/settings.h"

struct generation {
    uint32_t number;
    const char *agent;             /* borrowed */
    struct policy *policy;         /* owned */
    size_t count;                  /* of profiles */
    int makers[TASK_PROFILES_MAX]; /* owned; one for each profile, in the policy's order */
    /* The policy's direct rules, with the files that were verified. */
    size_t direct_count;
    struct task_direct direct[TASK_DIRECT_MAX];
};

/* What does not change between generations. */
struct groundwork {
    struct confine confine;
    struct masks masks;
    struct sock_fprog filter;
    struct digests *digests; /* owned */
};

/*
 * Reads who agentuser is, how files are shared, what /proc hides, what closes a sandbox. Takes from
 * the calling process, and so from all it forks, what no sandbox has: the bounding set and core
 * files. 0 or -errno.
 */
int groundwork_lay(struct groundwork *groundwork, struct error *err);

/* Loads the policy for AGENT as generation NUMBER, verifies the programs of its direct rules
 * (direct_rule_verify) and starts its makers. 0, or -errno with nothing kept. */
int generation_open(struct generation *generation, const struct groundwork *groundwork,
                    struct error *err);

/* Ends the makers, not what they made. */
void generation_close(struct generation *generation);

/* Tells CONNECTION of the generation: configuration, profiles, direct rules, end. 0 or -errno. */
int generation_describe(const struct generation *generation, int connection);

/* Has the maker of the profile that MAKE names answer on CONNECTION. 0, or -errno: -ENOENT without
 * such a profile. */
int generation_make(const struct generation *generation, const struct task_make *make,
                    int connection);

#endif
