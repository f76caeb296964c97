/* What somebody approved, and which commands inside it that is good for. */
#ifndef POLICY_APPROVAL_H
#define POLICY_APPROVAL_H

#include <stdbool.h>

#include "lib/policy/command.h"
#include "lib/policy/rules.h"

/* True when RULE, which asks about COMMAND, need not, as APPROVAL (may be NULL) was given. */
bool approval_covers(const struct policy_approval *approval, const struct policy_rule *rule,
                     const struct command *command);

#endif
