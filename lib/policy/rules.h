/* A policy as it lies in memory, shared by loading and judging. Texts are borrowed from the JSON
 * documents, which the policy owns. */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include <jansson.h>

#include "lib/policy/document.h"
#include "lib/policy/limits.h"
#include "lib/policy/policy.h"

struct policy_pattern {
    const char *text;
    const char *last; /* what follows its last '/'; NULL without one */
    bool is_literal;
    char first; /* glob_first of TEXT: most need no further look, and lie close together */
};

/* Any of these. None: no condition. */
struct policy_patterns {
    struct policy_pattern *items;
    size_t count;
};

struct policy_argument {
    bool is_gap; /* "...": any number of arguments */
    struct policy_patterns patterns;
};

struct policy_rule {
    const char *id;
    struct policy_patterns programs;
    uint8_t (*digests)[TASK_DIGEST_SIZE];
    size_t digest_count;
    bool has_arguments;
    struct policy_argument *arguments;
    size_t argument_count;
    struct policy_patterns directories;
    struct policy_patterns agents;
    enum task_action action;
    enum task_tier tier;
    const struct policy_profile *profile; /* NULL: the default one */
    const char *message;
    const char *instead;
    uint32_t ask_seconds; /* 0: the policy's */
    const struct document *document;
    size_t index; /* in the document's "rules" */
};

struct policy_variable_rule {
    const char *name; /* a pattern */
    char first;       /* glob_first of it */
    bool passes;
};

struct policy {
    struct policy_block *blocks; /* everything below that is pointed to */
    struct document documents[POLICY_FILES_MAX];
    size_t document_count;
    bool has_mode;
    bool is_observing;
    uint32_t ask_seconds; /* 0: no file says */
    struct policy_profile profiles[TASK_PROFILES_MAX];
    size_t profile_count;
    struct task_direct *direct[TASK_DIRECT_MAX];
    size_t direct_count;
    const char *direct_ids[POLICY_RULES_MAX]; /* of all agents */
    size_t direct_id_count;
    struct policy_rule *rules[POLICY_RULES_MAX];
    size_t rule_count;
    struct policy_variable_rule variable_rules[POLICY_LIST_MAX];
    size_t variable_rule_count;
    const char *variables[POLICY_LIST_MAX + 1]; /* "NAME=VALUE", NULL-terminated */
    size_t variable_count;
};

/* What readers fill. */
struct loading {
    struct policy *policy;
    const char *agent; /* NULL: everybody's rules */
};

/* Zeroed memory that policy_free releases. NULL when there is none. */
void *policy_allocate(struct policy *policy, size_t size);

/* The keys of the format, as policies/schema/exec-policy.json has them. */
extern const struct place_field policy_fields[];
extern const struct place_field policy_profile_fields[];
extern const struct place_field policy_environment_fields[];
extern const struct place_field policy_direct_fields[];
extern const struct place_field policy_rule_fields[];
extern const struct place_field policy_match_fields[];
extern const struct place_field policy_example_fields[];

/* Readers of the document's parts; TARGET is not used but where a type is named. */
place_reader policy_read_profiles;
place_reader policy_read_environment;
place_reader policy_read_direct;
place_reader policy_read_rules;
place_reader policy_read_nothing;
place_reader policy_read_seconds;  /* uint32_t *: from 1 to POLICY_ASK_MAX; what is set stays */
place_reader policy_read_id;       /* const char **: not taken yet */
place_reader policy_read_match;    /* struct policy_rule * */
place_reader policy_read_patterns; /* struct policy_patterns *: one pattern or a list of them */

/* True when a pattern fits; false when there are none. */
bool policy_patterns_match(const struct policy_patterns *patterns, const char *text);

/* True when the shell string TEXT holds a command that RULE, whatever its agent, directory and
 * digests, is about. */
bool policy_rule_matches_text(const struct policy_rule *rule, const char *text);

#endif
