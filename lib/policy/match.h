/* Whether a rule is about a command, by what stands in both. */
#ifndef POLICY_MATCH_H
#define POLICY_MATCH_H

#include <stdbool.h>

#include "lib/policy/command.h"
#include "lib/policy/rules.h"

/* How sure it is that a rule is about a command. */
enum match {
    MATCH_NO,
    MATCH_MAYBE, /* the rule names a path, the command's program has only a name */
    MATCH_YES,
};

/* By the program alone. */
enum match match_program(const struct policy_rule *rule, const struct command *command);

/* By the arguments alone. */
bool match_arguments(const struct policy_rule *rule, const struct command *command);

#endif
