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

/* In an image: what it ships, what image builders add, what the session adds. */
#define POLICY_DIRECTORY "/etc/coding-agents/exec"
#define POLICY_DROP_IN_DIRECTORY "/etc/coding-agents/exec.d"
#define POLICY_SESSION_DIRECTORY "/run/coding-agents/exec.d"
/* These three for policy_load, NULL-terminated. The first rule that matches decides, hence the most
 * particular comes first: session, drop-ins, what the image ships. */
extern const char *const policy_directories[];

/* The id of the judgement of what no rule matches. */
#define POLICY_NO_RULE "default"
/* The same of what could not be read: policy_judge_unread. */
#define POLICY_UNREADABLE "unreadable"

struct policy; /* immutable once loaded */

/*
 * Loads every *.json of DIRECTORIES (NULL-terminated, borrowed; a missing one is empty, a file
 * stands for itself), in that order and each in the order of its names, as one policy for AGENT
 * (NULL: everybody): rules that name other agents are left out. Of a mode, a profile or a variable
 * that several files set, the first one counts. *POLICY is owned by the caller. 0, or -errno with
 * "FILE:LINE: KEY: why" in ERR; an unknown key is an error.
 */
int policy_load(const char *const *directories, const char *agent, struct policy **policy,
                struct error *err);
/* NULL is fine. */
void policy_free(struct policy *policy);

/*
 * A command that asked and was approved. Inside it RULE (its id) does not ask again: about
 * anything, when it was the command itself that asked; else about what stands in COMMAND, compared
 * word for word up to the first that a shell makes something else of. More words may follow.
 */
struct policy_approval {
    const char *rule;                     /* borrowed; NULL: nothing was approved */
    const struct policy_command *command; /* borrowed; NULL: the command itself asked */
};

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
    /* Filled with the words that an ASK is about, else with zeros. NULL: nobody wants to know. */
    struct task_asked *asked;
    const struct policy_approval *approval; /* of what it is inside of; borrowed; NULL: none */
};

struct policy_judgement {
    enum task_action action; /* SANDBOX, ASK or DENY */
    enum task_tier tier;
    bool is_observed;     /* a rule said deny or ask, the mode is observe: action is SANDBOX */
    uint32_t ask_seconds; /* ASK: how long an answer is waited for */
    const char *rule;     /* id; borrowed from the policy; "default" when no rule matched */
    const char *profile;  /* borrowed from the policy */
    const char *
        message; /* DENY, ASK: why, in the words of the rule; borrowed from the policy; else NULL */
    const char *instead; /* and what to do instead; borrowed; NULL when the rule says nothing */
};

/*
 * Judges COMMAND: the first rule that matches decides. Wrappers (env, timeout, nice, xargs, sh -c
 * ...) are looked through, each command found inside is judged as well, and the strictest judgement
 * counts. Never fails: a shell string is judged as far as it can be read, and what is too deep
 * inside others by its outer form alone.
 */
void policy_judge(const struct policy *policy, const struct policy_command *command,
                  struct policy_judgement *judgement);

/*
 * Judges what of a command was not read: its arguments, and with PROGRAM (resolved, borrowed) NULL
 * that as well. It is the strictest that it could be: a denial when any rule could deny it or ask
 * about it, else it runs; with the highest tier of all those rules. The rule is POLICY_UNREADABLE.
 */
void policy_judge_unread(const struct policy *policy, const char *program,
                         struct policy_judgement *judgement);

/* "why; instead ...", of a judgement that has a message. Cut to SIZE. */
void policy_describe_reason(const struct policy_judgement *judgement, char *text, size_t size);
/* "denied by rule ID: why; instead ...": the line a client prints. Cut to SIZE. */
void policy_describe_denial(const struct policy_judgement *judgement, char *text, size_t size);

bool policy_is_observing(const struct policy *policy);

/* "sandbox", "deny" or "ask"; "read", "workspace-write" ..., "none" for TASK_TIER_NONE. Static. */
const char *policy_action_name(enum task_action action);
const char *policy_tier_name(enum task_tier tier);

/* How a sandbox of a profile is made. */
struct policy_profile {
    const char *name;
    bool has_no_network;       /* an empty network namespace; else the container's */
    bool writes_shared;        /* what the agent's program shares with its commands */
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
