/* Reads the shapes in which a program may run outside a sandbox. */
#include <errno.h>
#include <string.h>

#include "lib/policy/rules.h"

#define ANY_ENVIRONMENT "any"
#define ANY_FURTHER "..."

struct direct {
    struct task_direct *shape;
    const char *id;
    struct policy_patterns agents;
};

static int read_program(const struct place *place, void *target, struct error *err)
{
    char *path = target;
    const char *text;
    int result = place_read_text(place, TASK_DIRECT_PATH - 1, &text, err);

    if (result < 0)
        return result;
    if (text[0] != '/')
        return place_refuse(place, err, "is not an absolute path");
    memcpy(path, text, strlen(text) + 1);
    return 0;
}

static int read_from(const struct place *place, void *target, struct error *err)
{
    struct direct *direct = target;

    return read_program(place, direct->shape->from, err);
}

static int read_target(const struct place *place, void *target, struct error *err)
{
    struct direct *direct = target;

    return read_program(place, direct->shape->program, err);
}

static int add_string(const struct place *place, struct task_direct *shape, const char *text,
                      struct error *err)
{
    size_t size = strlen(text) + 1;

    if (size > sizeof(shape->strings) - shape->strings_size)
        return place_refuse(place, err, "makes the shape longer than %zu bytes",
                            sizeof(shape->strings));
    memcpy(shape->strings + shape->strings_size, text, size);
    shape->strings_size += (uint32_t)size;
    return 0;
}

static int read_name(const struct place *place, void *target, struct error *err)
{
    const char *text;
    int result = place_read_text(place, POLICY_TEXT_MAX, &text, err);

    return result < 0 ? result : add_string(place, target, text, err);
}

/* Unlike a name, an argument may be empty. */
static int read_argument(const struct place *place, void *target, struct error *err)
{
    const char *text = json_string_value(place->value);

    if (text != NULL && text[0] == '\0')
        return add_string(place, target, text, err);
    return read_name(place, target, err);
}

static int read_strings(const struct place *place, place_reader *read, struct direct *direct,
                        size_t limit, struct error *err)
{
    if (!json_is_array(place->value))
        return place_refuse(place, err, "must be an array");
    if (json_array_size(place->value) > limit)
        return place_refuse(place, err, "has more than %zu entries", limit);
    return place_read_each(place, read, direct->shape, err);
}

static int read_shape_arguments(const struct place *place, void *target, struct error *err)
{
    struct direct *direct = target;

    for (size_t i = 0; i + 1 < json_array_size(place->value); i++) {
        const char *text = json_string_value(json_array_get(place->value, i));

        if (text != NULL && strcmp(text, ANY_FURTHER) == 0)
            return place_refuse(place, err, "has \"" ANY_FURTHER "\" before its end");
    }
    direct->shape->argument_count = (uint32_t)json_array_size(place->value);
    return read_strings(place, read_argument, direct, TASK_DIRECT_ARGUMENTS, err);
}

static int read_shape_environment(const struct place *place, void *target, struct error *err)
{
    struct direct *direct = target;
    const char *text = json_string_value(place->value);

    direct->shape->is_any_environment = text != NULL && strcmp(text, ANY_ENVIRONMENT) == 0;
    if (direct->shape->is_any_environment)
        return 0;
    if (text != NULL)
        return place_refuse(place, err, "must be \"" ANY_ENVIRONMENT "\" or an array of names");
    direct->shape->name_count = (uint32_t)json_array_size(place->value);
    return read_strings(place, read_name, direct, TASK_DIRECT_NAMES, err);
}

#define AT(member) .offset = offsetof(struct direct, member)
/* clang-format off */
const struct place_field policy_direct_fields[] = {
    {.key = "id",          .read = policy_read_id, AT(id), .is_required = true},
    {.key = "agent",       .read = policy_read_patterns, AT(agents)},
    {.key = "from",        .read = read_from, .is_required = true},
    {.key = "program",     .read = read_target, .is_required = true},
    {.key = "arguments",   .read = policy_read_nothing, .is_required = true},
    {.key = "environment", .read = policy_read_nothing, .is_required = true},
    {.key = NULL},
};
/* clang-format on */

/* The strings of the arguments come first in the shape, whatever the order in the file. */
static int read_shape(const struct place *place, struct direct *direct, struct error *err)
{
    struct place arguments;
    struct place environment;
    int result = place_read_object(place, policy_direct_fields, direct, err);

    if (result < 0)
        return result;
    if (!place_find(place, "arguments", &arguments) ||
        !place_find(place, "environment", &environment))
        return place_refuse(place, err, "lacks a key");
    result = read_shape_arguments(&arguments, direct, err);
    return result < 0 ? result : read_shape_environment(&environment, direct, err);
}

static bool is_for(const struct direct *direct, const char *agent)
{
    return agent == NULL || direct->agents.count == 0 ||
           policy_patterns_match(&direct->agents, agent);
}

static int read_direct(const struct place *place, void *target, struct error *err)
{
    struct policy *policy = place->loading->policy;
    struct direct direct = {.shape = policy_allocate(policy, sizeof(*direct.shape))};
    int result;

    (void)target;
    if (direct.shape == NULL)
        return error_set(err, ENOMEM, "%s", place->document->path);
    if (policy->direct_id_count == POLICY_RULES_MAX)
        return place_refuse(place, err, "is one more than %d", POLICY_RULES_MAX);
    result = read_shape(place, &direct, err);
    if (result < 0)
        return result;
    policy->direct_ids[policy->direct_id_count++] = direct.id;
    if (!is_for(&direct, place->loading->agent))
        return 0;
    if (policy->direct_count == TASK_DIRECT_MAX)
        return place_refuse(place, err, "is one direct rule of this agent more than %d",
                            TASK_DIRECT_MAX);
    memcpy(direct.shape->rule, direct.id, strlen(direct.id) + 1);
    policy->direct[policy->direct_count++] = direct.shape;
    return 0;
}

int policy_read_direct(const struct place *place, void *target, struct error *err)
{
    if (!json_is_array(place->value))
        return place_refuse(place, err, "must be an array");
    return place_read_each(place, read_direct, target, err);
}
