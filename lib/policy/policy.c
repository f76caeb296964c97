/* What a loaded policy answers besides judgements. */
#include "lib/policy/policy.h"

#include <string.h>

#include "lib/policy/glob.h"
#include "lib/policy/rules.h"

bool policy_is_observing(const struct policy *policy)
{
    return policy->is_observing;
}

size_t policy_profile_count(const struct policy *policy)
{
    return policy->profile_count;
}

const struct policy_profile *policy_profile_at(const struct policy *policy, size_t index)
{
    return &policy->profiles[index];
}

const struct policy_profile *policy_profile_find(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->profile_count; i++)
        if (strcmp(policy->profiles[i].name, name) == 0)
            return &policy->profiles[i];
    return NULL;
}

size_t policy_direct_count(const struct policy *policy)
{
    return policy->direct_count;
}

const struct task_direct *policy_direct_at(const struct policy *policy, size_t index)
{
    return policy->direct[index];
}

bool policy_passes_variable(const struct policy *policy, const char *name, size_t length)
{
    if (length == 0)
        return false;
    for (size_t i = 0; i < policy->variable_rule_count; i++) {
        const struct policy_variable_rule *rule = &policy->variable_rules[i];

        if ((rule->first == '\0' || rule->first == name[0]) &&
            glob_matches_bytes(rule->name, name, length))
            return rule->passes;
    }
    return true;
}

const char *const *policy_variables(const struct policy *policy)
{
    return policy->variables;
}
