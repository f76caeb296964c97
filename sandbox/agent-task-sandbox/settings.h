/* What all sandboxes of one profile have in common: made once, before the first fork, and never
 * changed. */
#ifndef TASK_SANDBOX_SETTINGS_H
#define TASK_SANDBOX_SETTINGS_H

#include <linux/filter.h>
#include <stdint.h>

#include "lib/policy/policy.h"
#include "sandbox/agent-task-sandbox/digests.h"
#include "sandbox/agent-task-sandbox/masks.h"
#include "sandbox/confine/confine.h"

#define SANDBOX_IDENTITY "agentuser"
#define SANDBOX_FILTER "/etc/coding-agents/seccomp/command.bpf"
/* The same in two parts: what the making of a sandbox needs is refused by the second. */
#define SANDBOX_FILTER_EARLY "/etc/coding-agents/seccomp/command-early.bpf"
#define SANDBOX_FILTER_LATE "/etc/coding-agents/seccomp/command-late.bpf"

/* In a sandbox, whatever else it is: the places that a command can write to. */
#define PLACE_WORKSPACE "/workspace"
#define PLACE_HOME "/home/agentuser"
#define PLACE_TEMPORARY "/tmp"
#define PLACE_LOCAL_REPOSITORY "/var/lib/coding-agents/local.git"

struct settings {
    const struct policy *policy;          /* borrowed */
    const struct policy_profile *profile; /* borrowed from the policy */
    uint32_t generation;                  /* of the policy */
    const struct masks *masks;            /* borrowed */
    const struct sock_fprog *filter;      /* borrowed; nested_make_filter */
    struct digests *digests;              /* borrowed */
    struct confine confine;               /* a copy to start from: user, views, profile */
};

#endif
