/* What was observed, made into few rules that people can read. */
#ifndef COMMANDS_SUGGEST_RULES_H
#define COMMANDS_SUGGEST_RULES_H

#include <jansson.h>

#include "lib/policy/policy.h"

/*
 * Merges OBSERVED, an array of objects with "match" (of suggest_match.h), "tier", "profile",
 * "times" and "examples": those that differ in one argument behind the words of a subcommand become
 * one, with a list of alternatives. What all fit together stays the same. Owned by the caller, in
 * the order of program and arguments; NULL when memory is short.
 */
json_t *suggest_rules_merge(const json_t *observed);

/*
 * Gives each of MERGED an "id" of its program and subcommand that no rule of DESCRIBED (of
 * policy_describe) has. 0 or -ENOMEM.
 */
int suggest_rules_name(json_t *merged, const json_t *described);

/* ITEM, which has a name, as a rule of a policy file. Owned by the caller. */
json_t *suggest_rules_write(const json_t *item);

#endif
