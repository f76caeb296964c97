/* Checks a JSON value against a schema, keyword by keyword. */
#include "tests/schema/schema.h"

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"

struct check {
    const json_t *root;
    char *text;
    size_t size;
};

/* RULE is what the keyword says, SCHEMA where it stands. */
typedef const char *keyword_check(const struct check *check, const json_t *schema,
                                  const json_t *rule, const json_t *value);

static const char *run(const struct check *check, const json_t *schema, const json_t *value);

static const char *refuse(const struct check *check, const char *what, const json_t *value)
{
    cleanup_free char *shown =
        json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    snprintf(check->text, check->size, "%s: %.200s", what, shown != NULL ? shown : "?");
    return check->text;
}

static bool has_type(const char *type, const json_t *value)
{
    if (strcmp(type, "object") == 0)
        return json_is_object(value);
    if (strcmp(type, "array") == 0)
        return json_is_array(value);
    if (strcmp(type, "string") == 0)
        return json_is_string(value);
    if (strcmp(type, "integer") == 0)
        return json_is_integer(value);
    return strcmp(type, "boolean") == 0 && json_is_boolean(value);
}

static const char *check_type(const struct check *check, const json_t *schema, const json_t *rule,
                              const json_t *value)
{
    (void)schema;
    return has_type(json_string_value(rule), value) ? NULL : refuse(check, "another type", value);
}

static const char *check_const(const struct check *check, const json_t *schema, const json_t *rule,
                               const json_t *value)
{
    (void)schema;
    return json_equal(rule, value) ? NULL : refuse(check, "another value", value);
}

static const char *check_enum(const struct check *check, const json_t *schema, const json_t *rule,
                              const json_t *value)
{
    (void)schema;
    for (size_t i = 0; i < json_array_size(rule); i++)
        if (json_equal(json_array_get(rule, i), value))
            return NULL;
    return refuse(check, "none of the values", value);
}

static const char *check_ref(const struct check *check, const json_t *schema, const json_t *rule,
                             const json_t *value)
{
    const char *name = strrchr(json_string_value(rule), '/') + 1;
    const json_t *target = json_object_get(json_object_get(check->root, "$defs"), name);
    (void)schema;
    return target != NULL ? run(check, target, value) : refuse(check, "no such $ref", rule);
}

static const char *check_properties(const struct check *check, const json_t *schema,
                                    const json_t *rule, const json_t *value)
{
    const char *key;
    json_t *property;
    (void)schema;
    json_object_foreach((json_t *)(uintptr_t)rule, key, property)
    {
        const json_t *member = json_object_get(value, key);
        const char *wrong = member != NULL ? run(check, property, member) : NULL;
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

static const char *check_additional(const struct check *check, const json_t *schema,
                                    const json_t *rule, const json_t *value)
{
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        if (json_object_get(json_object_get(schema, "properties"), key) != NULL)
            continue;
        const char *wrong = json_is_object(rule)
                                ? run(check, rule, member)
                                : refuse(check, "an unknown key", json_object_get(value, key));
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

static const char *check_required(const struct check *check, const json_t *schema,
                                  const json_t *rule, const json_t *value)
{
    (void)schema;
    for (size_t i = 0; i < json_array_size(rule); i++)
        if (json_object_get(value, json_string_value(json_array_get(rule, i))) == NULL)
            return refuse(check, "a key is missing", json_array_get(rule, i));
    return NULL;
}

static const char *check_items(const struct check *check, const json_t *schema, const json_t *rule,
                               const json_t *value)
{
    const char *wrong = NULL;
    (void)schema;
    for (size_t i = 0; i < json_array_size(value) && wrong == NULL; i++)
        wrong = run(check, rule, json_array_get(value, i));
    return wrong;
}

static const char *check_most(const struct check *check, const json_t *schema, const json_t *rule,
                              const json_t *value)
{
    size_t count = json_is_array(value)    ? json_array_size(value)
                   : json_is_object(value) ? json_object_size(value)
                                           : json_string_length(value);
    (void)schema;
    return count <= (size_t)json_integer_value(rule) ? NULL : refuse(check, "too long", rule);
}

static const char *check_minimum(const struct check *check, const json_t *schema,
                                 const json_t *rule, const json_t *value)
{
    (void)schema;
    return json_integer_value(value) >= json_integer_value(rule)
               ? NULL
               : refuse(check, "too small", value);
}

static const char *check_maximum(const struct check *check, const json_t *schema,
                                 const json_t *rule, const json_t *value)
{
    (void)schema;
    return json_integer_value(value) <= json_integer_value(rule)
               ? NULL
               : refuse(check, "too large", value);
}

static const char *check_pattern(const struct check *check, const json_t *schema,
                                 const json_t *rule, const json_t *value)
{
    regex_t pattern;
    (void)schema;
    if (regcomp(&pattern, json_string_value(rule), REG_EXTENDED | REG_NOSUB) != 0)
        return refuse(check, "no pattern", rule);
    bool matches = regexec(&pattern, json_string_value(value), 0, NULL, 0) == 0;
    regfree(&pattern);
    return matches ? NULL : refuse(check, "it does not match", value);
}

static const char *check_all(const struct check *check, const json_t *schema, const json_t *rule,
                             const json_t *value)
{
    const char *wrong = NULL;
    (void)schema;
    for (size_t i = 0; i < json_array_size(rule) && wrong == NULL; i++)
        wrong = run(check, json_array_get(rule, i), value);
    return wrong;
}

static const char *check_one(const struct check *check, const json_t *schema, const json_t *rule,
                             const json_t *value)
{
    size_t fitting = 0;
    (void)schema;
    for (size_t i = 0; i < json_array_size(rule); i++)
        fitting += run(check, json_array_get(rule, i), value) == NULL;
    return fitting == 1 ? NULL : refuse(check, "not exactly one of", rule);
}

static const char *check_not(const struct check *check, const json_t *schema, const json_t *rule,
                             const json_t *value)
{
    (void)schema;
    return run(check, rule, value) != NULL ? NULL : refuse(check, "it must not be", rule);
}

static const char *check_if(const struct check *check, const json_t *schema, const json_t *rule,
                            const json_t *value)
{
    const json_t *then = json_object_get(schema, "then");
    return run(check, rule, value) == NULL ? run(check, then, value) : NULL;
}

/* clang-format off */
static const struct { const char *name; keyword_check *check; } keywords[] = {
    {"type", check_type},
    {"const", check_const},
    {"enum", check_enum},
    {"$ref", check_ref},
    {"properties", check_properties},
    {"additionalProperties", check_additional},
    {"required", check_required},
    {"items", check_items},
    {"maxItems", check_most},
    {"maxProperties", check_most},
    {"maxLength", check_most},
    {"minimum", check_minimum},
    {"maximum", check_maximum},
    {"pattern", check_pattern},
    {"allOf", check_all},
    {"oneOf", check_one},
    {"not", check_not},
    {"if", check_if},
    {"then", NULL}, /* by "if" */
    {"description", NULL}, {"title", NULL}, {"$schema", NULL}, {"$id", NULL}, {"$defs", NULL}, {"contentEncoding", NULL},
};
/* clang-format on */

/* The type first: the other keywords take it for granted. */
static const char *run(const struct check *check, const json_t *schema, const json_t *value)
{
    const char *key;
    json_t *rule;
    const json_t *type = json_object_get(schema, "type");
    const char *wrong = type != NULL ? check_type(check, schema, type, value) : NULL;
    json_object_foreach((json_t *)(uintptr_t)schema, key, rule)
    {
        size_t i = 0;
        while (i < ARRAY_LENGTH(keywords) && strcmp(keywords[i].name, key) != 0)
            i++;
        if (wrong != NULL)
            return wrong;
        if (i == ARRAY_LENGTH(keywords))
            return refuse(check, "a keyword that the checker does not know", rule);
        if (keywords[i].check != NULL)
            wrong = keywords[i].check(check, schema, rule, value);
    }
    return wrong;
}

const char *schema_check(const json_t *root, const json_t *schema, const json_t *value, char *text,
                         size_t size)
{
    const struct check check = {.root = root, .text = text, .size = size};
    return run(&check, schema, value);
}
