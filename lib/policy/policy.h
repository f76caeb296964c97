/*
 * Exec policy: ordered rules over commands, loaded from JSON, judged without a system call. The
 * format is policies/schema/exec-policy.json; docs/policy.md explains it.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/task_protocol.h"

/* In an image: what it ships, then what image builders and the session add, each directory in the
 * order of its names. */
#define POLICY_DIRECTORY "/etc/coding-agents/exec"
#define POLICY_DROP_IN_DIRECTORY "/etc/coding-agents/exec.d"
#define POLICY_SESSION_DIRECTORY "/run/coding-agents/exec.d"

struct policy; /* immutable once loaded */

/*
 * Loads every *.json of DIRECTORIES (NULL-terminated, borrowed; a missing one is empty), in that
 * order, as one policy for AGENT: rules that name other agents are left out. *POLICY is owned by
 * the caller. 0, or -errno with "FILE:LINE: KEY: why" in ERR; an unknown key is an error.
 */
int policy_load(const char *const *directories, const char *agent, struct policy **policy,
                struct error *err);
/* NULL is fine. */
void policy_free(struct policy *policy);

/* What is to be judged. Everything is borrowed. */
struct policy_command {
    const char *program;          /* resolved, absolute */
    const char *const *arguments; /* argument_count strings, no NULL needed at the end */
    size_t argument_count;
    const char *directory; /* working directory, absolute */
    /* The SHA-256 of the program, asked for only when a rule needs it: 0 with DIGEST set, or
     * -errno, which counts as no match. NULL: no rule with a digest matches. */
    int (*digest)(void *context, uint8_t digest[TASK_DIGEST_SIZE]);
    void *context;
};

struct policy_judgement {
    enum task_action action; /* SANDBOX or DENY */
    enum task_tier tier;
    bool is_observed;    /* a rule said deny, the mode is observe: action is SANDBOX */
    const char *rule;    /* id; borrowed from the policy; "default" when no rule matched */
    const char *profile; /* borrowed from the policy */
    const char
        *message; /* DENY: why, in the words of the rule; borrowed from the policy; else NULL */
    const char *instead; /* DENY: what to do instead; borrowed; NULL when the rule says nothing */
};

/*
 * Judges COMMAND: the first rule that matches decides. Wrappers (env, timeout, nice, xargs, sh -c
 * ...) are looked through, each command found inside is judged as well, and the strictest judgement
 * counts. Never fails: what cannot be read (an unparseable sh -c string) is judged by its outermost
 * form alone.
 */
void policy_judge(const struct policy *policy, const struct policy_command *command,
                  struct policy_judgement *judgement);

/* "denied by rule ID: why; instead ...": the line a client prints. Cut to SIZE. */
void policy_describe_denial(const struct policy_judgement *judgement, char *text, size_t size);

bool policy_is_observing(const struct policy *policy);

/* How a sandbox of a profile is made. */
struct policy_profile {
    const char *name;
    bool has_no_network;       /* an empty network namespace; else the container's */
    uint32_t linger_seconds;   /* 0: what a command leaves behind is killed with its end */
    uint32_t warm;             /* how many wait ready */
    uint64_t process_limit;    /* RLIMIT_NPROC; 0: as inherited */
    uint64_t file_size_limit;  /* RLIMIT_FSIZE, bytes; 0: as inherited */
    uint64_t open_files_limit; /* RLIMIT_NOFILE; 0: as inherited */
};

size_t policy_profile_count(const struct policy *policy);
/* The first is the default one. Borrowed. */
const struct policy_profile *policy_profile_at(const struct policy *policy, size_t index);
/* NULL when there is none of that name. */
const struct policy_profile *policy_profile_find(const struct policy *policy, const char *name);

/* The shapes in which a program may run outside a sandbox; see struct task_direct. */
size_t policy_direct_count(const struct policy *policy);
const struct task_direct *policy_direct_at(const struct policy *policy, size_t index);

/* True when the environment variable NAME (of LENGTH bytes) may enter a sandbox. */
bool policy_passes_variable(const struct policy *policy, const char *name, size_t length);
/* "NAME=VALUE" strings that every command gets, NULL-terminated; borrowed. */
const char *const *policy_variables(const struct policy *policy);

#endif
