/* Reads rules: what they match, and what follows from it. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/policy/rules.h"

/* clang-format off */
static const char *const action_names[] = {
    [TASK_ACTION_SANDBOX] = "sandbox",
    [TASK_ACTION_DENY]    = "deny",
    [TASK_ACTION_ASK]     = "ask",
};
static const char *const tier_names[] = {
    [TASK_TIER_NONE]            = NULL,
    [TASK_TIER_READ]            = "read",
    [TASK_TIER_WORKSPACE_WRITE] = "workspace-write",
    [TASK_TIER_NETWORK]         = "network",
    [TASK_TIER_DESTRUCTIVE]     = "destructive",
    [TASK_TIER_PRIVILEGED]      = "privileged",
};
/* clang-format on */

const char *policy_action_name(enum task_action action)
{
    bool is_known = (size_t)action < ARRAY_LENGTH(action_names) && action_names[action] != NULL;

    return action_names[is_known ? action : TASK_ACTION_SANDBOX];
}

const char *policy_tier_name(enum task_tier tier)
{
    bool is_known = (size_t)tier < ARRAY_LENGTH(tier_names) && tier_names[tier] != NULL;

    return is_known ? tier_names[tier] : "none";
}

static int read_action(const struct place *place, void *target, struct error *err)
{
    enum task_action *action = target;
    size_t index;
    int result = place_read_name(place, action_names, ARRAY_LENGTH(action_names), &index, err);

    if (result == 0)
        *action = (enum task_action)index;
    return result;
}

static int read_tier(const struct place *place, void *target, struct error *err)
{
    enum task_tier *tier = target;
    size_t index;
    int result = place_read_name(place, tier_names, ARRAY_LENGTH(tier_names), &index, err);

    if (result == 0)
        *tier = (enum task_tier)index;
    return result;
}

static int read_profile(const struct place *place, void *target, struct error *err)
{
    const struct policy_profile **profile = target;
    const char *name = json_string_value(place->value);

    if (name == NULL)
        return place_refuse(place, err, "must be a string");
    *profile = policy_profile_find(place->loading->policy, name);
    if (*profile == NULL)
        return place_refuse(place, err, "no file has a profile of this name");
    return 0;
}

static int read_message(const struct place *place, void *target, struct error *err)
{
    const char **text = target;

    return place_read_text(place, POLICY_MESSAGE_MAX, text, err);
}

int policy_read_id(const struct place *place, void *target, struct error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const struct policy *policy = place->loading->policy;
    const char **id = target;
    const char *text;
    int result = place_read_text(place, TASK_RULE_SIZE - 1, &text, err);

    if (result < 0)
        return result;
    if (text[strspn(text, letters)] != '\0' || text[0] == '-')
        return place_refuse(place, err, "is not an id of lower case letters, digits and '-'");
    if (strcmp(text, POLICY_NO_RULE) == 0)
        return place_refuse(place, err, "is what commands have that no rule matches");
    if (strcmp(text, POLICY_UNREADABLE) == 0)
        return place_refuse(place, err, "is what commands have that cannot be read");
    for (size_t i = 0; i < policy->rule_count; i++)
        if (strcmp(policy->rules[i]->id, text) == 0)
            return place_refuse(place, err, "is taken by a rule of %s",
                                policy->rules[i]->document->path);
    for (size_t i = 0; i < policy->direct_id_count; i++)
        if (strcmp(policy->direct_ids[i], text) == 0)
            return place_refuse(place, err, "is taken by a direct rule");
    *id = text;
    return 0;
}

#define AT(member) .offset = offsetof(struct policy_rule, member)

/* clang-format off */
const struct place_field policy_rule_fields[] = {
    {.key = "id",          .read = policy_read_id, AT(id), .is_required = true},
    {.key = "match",       .read = policy_read_match, .is_required = true},
    {.key = "action",      .read = read_action, AT(action), .is_required = true},
    {.key = "tier",        .read = read_tier, AT(tier), .is_required = true},
    {.key = "profile",     .read = read_profile, AT(profile)},
    {.key = "message",     .read = read_message, AT(message)},
    {.key = "instead",     .read = read_message, AT(instead)},
    {.key = "ask_seconds", .read = policy_read_seconds, AT(ask_seconds)},
    {.key = "examples",    .read = policy_read_nothing},
    {.key = NULL},
};
/* clang-format on */

/* What an example is checked against, and what must come out. */
struct example {
    const struct policy_rule *rule;
    bool must_match;
};

static int read_example(const struct place *place, void *target, struct error *err)
{
    const struct example *example = target;
    const char *text;
    int result = place_read_text(place, POLICY_TEXT_MAX, &text, err);

    if (result == 0 && policy_rule_matches_text(example->rule, text) != example->must_match)
        return place_refuse(place, err, "%s",
                            example->must_match ? "is not matched by the rule"
                                                : "is matched by the rule");
    return result;
}

static int read_example_list(const struct place *place, const struct policy_rule *rule,
                             bool must_match, struct error *err)
{
    struct example example = {.rule = rule, .must_match = must_match};

    if (!json_is_array(place->value))
        return place_refuse(place, err, "must be an array");
    return place_read_each(place, read_example, &example, err);
}

static int read_matching(const struct place *place, void *target, struct error *err)
{
    return read_example_list(place, target, true, err);
}

static int read_not_matching(const struct place *place, void *target, struct error *err)
{
    return read_example_list(place, target, false, err);
}

const struct place_field policy_example_fields[] = {
    {.key = "match", .read = read_matching},
    {.key = "no_match", .read = read_not_matching},
    {.key = NULL},
};

/* clang-format off */
/* Keys that only some actions have. */
static const struct {
    const char *key;
    unsigned int actions; /* bits of enum task_action */
    const char *text;
} keys_of_actions[] = {
    {"profile",     1u << TASK_ACTION_SANDBOX | 1u << TASK_ACTION_ASK, "is for the actions \"sandbox\" and \"ask\""},
    {"message",     1u << TASK_ACTION_DENY | 1u << TASK_ACTION_ASK,    "is for the actions \"deny\" and \"ask\""},
    {"instead",     1u << TASK_ACTION_DENY | 1u << TASK_ACTION_ASK,    "is for the actions \"deny\" and \"ask\""},
    {"ask_seconds", 1u << TASK_ACTION_ASK,                             "is for the action \"ask\""},
};
/* clang-format on */

/* What single keys cannot say. */
static int check_rule(const struct place *place, struct policy_rule *rule, struct error *err)
{
    struct place member;

    if (rule->action != TASK_ACTION_SANDBOX && rule->message == NULL)
        return place_refuse(place, err, "lacks \"message\", which %s needs",
                            rule->action == TASK_ACTION_DENY ? "a denial" : "whoever is asked");
    for (size_t i = 0; i < ARRAY_LENGTH(keys_of_actions); i++)
        if ((keys_of_actions[i].actions & 1u << rule->action) == 0 &&
            place_find(place, keys_of_actions[i].key, &member))
            return place_refuse(&member, err, "%s", keys_of_actions[i].text);
    if (place_find(place, "examples", &member))
        return place_read_object(&member, policy_example_fields, rule, err);
    return 0;
}

static int read_rule(const struct place *place, void *target, struct error *err)
{
    struct policy *policy = place->loading->policy;
    struct policy_rule *rule = policy_allocate(policy, sizeof(*rule));
    int result;

    (void)target;
    if (rule == NULL)
        return error_set(err, ENOMEM, "%s", place->document->path);
    if (policy->rule_count == POLICY_RULES_MAX)
        return place_refuse(place, err, "is one rule more than %d", POLICY_RULES_MAX);
    rule->document = place->document;
    rule->index = place->index;
    result = place_read_object(place, policy_rule_fields, rule, err);
    if (result == 0)
        result = check_rule(place, rule, err);
    if (result == 0)
        policy->rules[policy->rule_count++] = rule;
    return result;
}

int policy_read_rules(const struct place *place, void *target, struct error *err)
{
    if (!json_is_array(place->value))
        return place_refuse(place, err, "must be an array");
    return place_read_each(place, read_rule, target, err);
}
