/* What the user lets sessions do with his https remotes: git.json in the directory of the user's
 * configuration. docs/git.md is its manual. */
#ifndef HOST_GIT_RULES_H
#define HOST_GIT_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

enum git_rules_updates {
    GIT_RULES_OWN, /* a ref that is there is changed only from what this session pushed to it */
    GIT_RULES_ANY, /* whether that is a fast-forward is for the remote to say */
};

/* Strings are owned. */
struct git_rules {
    bool is_off;     /* no remote is served */
    char **branches; /* patterns of refs that may be pushed, NULL-terminated; "{agent}" stands for
                        the agent's name, one '*' for anything */
    enum git_rules_updates updates;
    bool allows_deletion; /* of refs that this session pushed */
    char **credentials;   /* URLs whose credential commands may have, NULL-terminated */
};

/* Reads the file; without one the defaults hold. RULES is released by git_rules_free, also after a
 * failure. 0 or -errno. */
int git_rules_load(struct git_rules *rules, struct error *err);
/* The same from SIZE bytes at TEXT. */
int git_rules_parse(const char *text, size_t size, struct git_rules *rules, struct error *err);
void git_rules_free(struct git_rules *rules);

/* True when REF may be pushed by a session of AGENT. */
bool git_rules_match(const struct git_rules *rules, const char *agent, const char *ref);

#endif
