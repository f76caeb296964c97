/* Describes a loaded policy in JSON. */
#include "lib/policy/describe.h"

#include <string.h>

#include "lib/policy/rules.h"

static json_t *describe_profiles(const struct policy *policy)
{
    json_t *profiles = json_array();

    for (size_t i = 0; i < policy->profile_count; i++) {
        const struct policy_profile *profile = &policy->profiles[i];

        json_array_append_new(
            profiles,
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "name", profile->name, "shared",
                      profile->writes_shared ? "write" : "read", "network",
                      profile->has_no_network ? "none" : "inherit", "linger_seconds",
                      (json_int_t)profile->linger_seconds, "warm", (json_int_t)profile->warm,
                      "processes", (json_int_t)profile->process_limit, "file_size_bytes",
                      (json_int_t)profile->file_size_limit, "open_files",
                      (json_int_t)profile->open_files_limit));
    }
    return profiles;
}

static json_t *describe_variables(const struct policy *policy)
{
    json_t *variables = json_array();

    for (size_t i = 0; i < policy->variable_rule_count; i++)
        json_array_append_new(variables,
                              json_pack("{s:s, s:b}", "name", policy->variable_rules[i].name,
                                        "passes", (int)policy->variable_rules[i].passes));
    return variables;
}

static json_t *describe_set(const struct policy *policy)
{
    json_t *set = json_array();

    for (size_t i = 0; i < policy->variable_count; i++)
        json_array_append_new(set, json_string(policy->variables[i]));
    return set;
}

/* COUNT strings from *TEXT on, which is moved behind them. */
static json_t *describe_strings(const char **text, size_t count)
{
    json_t *strings = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(strings, json_string(*text));
        *text += strlen(*text) + 1;
    }
    return strings;
}

static json_t *describe_direct(const struct policy *policy)
{
    json_t *shapes = json_array();

    for (size_t i = 0; i < policy->direct_count; i++) {
        const struct task_direct *direct = policy->direct[i];
        const char *text = direct->strings;
        json_t *arguments = describe_strings(&text, direct->argument_count);
        json_t *names = direct->is_any_environment ? json_string("any")
                                                   : describe_strings(&text, direct->name_count);

        json_array_append_new(shapes, json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", direct->rule,
                                                "from", direct->from, "program", direct->program,
                                                "arguments", arguments, "environment", names));
    }
    return shapes;
}

static json_t *describe_rule(const struct policy_rule *rule)
{
    const struct place root = {.document = rule->document, .value = rule->document->root};
    struct place rules;

    if (!place_find(&root, "rules", &rules))
        return NULL;
    const struct place place = {.document = rule->document,
                                .parent = &rules,
                                .index = rule->index,
                                .value = json_array_get(rules.value, rule->index)};
    json_t *described = json_copy(place.value);

    json_object_set_new(described, "file", json_string(rule->document->path));
    json_object_set_new(described, "line", json_integer((json_int_t)place_line(&place)));
    return described;
}

static json_t *describe_rules(const struct policy *policy)
{
    json_t *rules = json_array();

    for (size_t i = 0; i < policy->rule_count; i++)
        json_array_append_new(rules, describe_rule(policy->rules[i]));
    return rules;
}

json_t *policy_describe(const struct policy *policy)
{
    return json_pack("{s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "version", 1, "mode",
                     policy->is_observing ? "observe" : "enforce", "ask_seconds",
                     (json_int_t)policy->ask_seconds, "profiles", describe_profiles(policy),
                     "variables", describe_variables(policy), "set", describe_set(policy), "direct",
                     describe_direct(policy), "rules", describe_rules(policy));
}
