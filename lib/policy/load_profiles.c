/* Reads profiles, and what of the environment commands get. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/policy/rules.h"

static int read_network(const struct place *place, void *target, struct error *err)
{
    static const char *const names[] = {"inherit", "none"};
    bool *has_no_network = target;
    size_t index;
    int result = place_read_name(place, names, ARRAY_LENGTH(names), &index, err);

    if (result == 0)
        *has_no_network = index == 1;
    return result;
}

static int read_shared(const struct place *place, void *target, struct error *err)
{
    static const char *const names[] = {"read", "write"};
    bool *writes_shared = target;
    size_t index;
    int result = place_read_name(place, names, ARRAY_LENGTH(names), &index, err);

    if (result == 0)
        *writes_shared = index == 1;
    return result;
}

static int read_limited(const struct place *place, json_int_t limit, uint32_t *target,
                        struct error *err)
{
    json_int_t number;
    int result = place_read_number(place, limit, &number, err);

    if (result == 0)
        *target = (uint32_t)number;
    return result;
}

static int read_linger(const struct place *place, void *target, struct error *err)
{
    return read_limited(place, POLICY_LINGER_MAX, target, err);
}

static int read_warm(const struct place *place, void *target, struct error *err)
{
    return read_limited(place, POLICY_WARM_MAX, target, err);
}

static int read_resource(const struct place *place, void *target, struct error *err)
{
    uint64_t *limit = target;
    json_int_t number;
    int result = place_read_number(place, INT64_MAX, &number, err);

    if (result == 0)
        *limit = (uint64_t)number;
    return result;
}

#define AT(member) .offset = offsetof(struct policy_profile, member)
/* clang-format off */
const struct place_field policy_profile_fields[] = {
    {.key = "network",         .read = read_network, AT(has_no_network), .is_required = true},
    {.key = "linger_seconds",  .read = read_linger, AT(linger_seconds), .is_required = true},
    {.key = "warm",            .read = read_warm, AT(warm), .is_required = true},
    {.key = "shared",          .read = read_shared, AT(writes_shared)},
    {.key = "processes",       .read = read_resource, AT(process_limit)},
    {.key = "file_size_bytes", .read = read_resource, AT(file_size_limit)},
    {.key = "open_files",      .read = read_resource, AT(open_files_limit)},
    {.key = NULL},
};
/* clang-format on */
#undef AT

static int read_profile(const struct place *place, void *target, struct error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    struct policy *policy = place->loading->policy;
    struct policy_profile profile = {.name = place->key};
    size_t length = strlen(place->key);
    int result;

    (void)target;
    if (length == 0 || length >= TASK_PROFILE_SIZE ||
        place->key[strspn(place->key, letters)] != '\0')
        return place_refuse(place, err,
                            "is not a name of at most %d lower case letters, digits and '-'",
                            TASK_PROFILE_SIZE - 1);
    result = place_read_object(place, policy_profile_fields, &profile, err);
    if (result < 0 || policy_profile_find(policy, profile.name) != NULL)
        return result;
    if (policy->profile_count == TASK_PROFILES_MAX)
        return place_refuse(place, err, "is one profile more than %d", TASK_PROFILES_MAX);
    policy->profiles[policy->profile_count++] = profile;
    return 0;
}

int policy_read_profiles(const struct place *place, void *target, struct error *err)
{
    if (!json_is_object(place->value))
        return place_refuse(place, err, "must be an object");
    return place_read_each(place, read_profile, target, err);
}

static int add_variable_rules(const struct place *place, bool passes, struct error *err)
{
    struct policy *policy = place->loading->policy;
    struct policy_patterns names = {0};
    int result = policy_read_patterns(place, &names, err);

    for (size_t i = 0; result == 0 && i < names.count; i++) {
        if (policy->variable_rule_count == ARRAY_LENGTH(policy->variable_rules))
            return place_refuse(place, err, "has one name more than the %zu of all files",
                                ARRAY_LENGTH(policy->variable_rules));
        policy->variable_rules[policy->variable_rule_count++] = (struct policy_variable_rule){
            .name = names.items[i].text, .first = names.items[i].first, .passes = passes};
    }
    return result;
}

static int read_keep(const struct place *place, void *target, struct error *err)
{
    (void)target;
    return add_variable_rules(place, true, err);
}

static int read_scrub(const struct place *place, void *target, struct error *err)
{
    (void)target;
    return add_variable_rules(place, false, err);
}

static bool is_set(const struct policy *policy, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < policy->variable_count; i++)
        if (strncmp(policy->variables[i], name, length) == 0 && policy->variables[i][length] == '=')
            return true;
    return false;
}

static int read_variable(const struct place *place, void *target, struct error *err)
{
    struct policy *policy = place->loading->policy;
    const char *value;
    size_t size;
    char *text;
    int result = place_read_text(place, POLICY_TEXT_MAX, &value, err);

    (void)target;
    if (result < 0)
        return result;
    if (place->key[0] == '\0' || strchr(place->key, '=') != NULL)
        return place_refuse(place, err, "is not the name of a variable");
    if (is_set(policy, place->key))
        return 0;
    if (policy->variable_count + 1 == ARRAY_LENGTH(policy->variables))
        return place_refuse(place, err, "is one variable more than %d", POLICY_LIST_MAX);
    size = strlen(place->key) + strlen(value) + 2;
    text = policy_allocate(policy, size);
    if (text == NULL)
        return error_set(err, ENOMEM, "%s", place->document->path);
    snprintf(text, size, "%s=%s", place->key, value);
    policy->variables[policy->variable_count++] = text;
    return 0;
}

static int read_set(const struct place *place, void *target, struct error *err)
{
    if (!json_is_object(place->value))
        return place_refuse(place, err, "must be an object");
    return place_read_each(place, read_variable, target, err);
}

/* clang-format off */
const struct place_field policy_environment_fields[] = {
    {.key = "keep",  .read = policy_read_nothing},
    {.key = "scrub", .read = read_scrub},
    {.key = "set",   .read = read_set},
    {.key = NULL},
};
/* clang-format on */

int policy_read_environment(const struct place *place, void *target, struct error *err)
{
    struct place keep;
    int result = 0;

    /* Before what the same file scrubs, wherever it stands. */
    if (place_find(place, "keep", &keep))
        result = read_keep(&keep, target, err);
    return result < 0 ? result : place_read_object(place, policy_environment_fields, target, err);
}
