/* What all sandboxes of one profile have in common: made once, before the first fork, and never
 * changed. */
#ifndef TASK_SANDBOX_SETTINGS_H
#define TASK_SANDBOX_SETTINGS_H

#include <stdint.h>

#include "lib/policy/policy.h"
#include "sandbox/agent-task-sandbox/digests.h"
#include "sandbox/agent-task-sandbox/masks.h"
#include "sandbox/confine/confine.h"

#define SANDBOX_IDENTITY "agentuser"
#define SANDBOX_FILTER "/etc/coding-agents/seccomp/command.bpf"

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
    struct digests *digests;              /* borrowed */
    struct confine confine;               /* a copy to start from: user, views, filter, profile */
};

#endif
