/* Compares strings with the patterns and names of a direct rule. */
#include "sandbox/exec-trap/direct_match.h"

#include <string.h>

/* Takes the next string off STRINGS; NULL when none is whole. */
static const char *next(struct direct_strings *strings)
{
    const char *text = strings->data;
    const char *end = strings->size > 0 ? memchr(text, '\0', strings->size) : NULL;
    if (end == NULL)
        return NULL;
    size_t used = (size_t)(end - text) + 1;
    strings->data += used;
    strings->size -= used;
    return text;
}

static bool is_ended(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

bool direct_is_sound(const struct task_direct *rule)
{
    struct direct_strings strings = {.data = rule->strings, .size = rule->strings_size};
    if (!is_ended(rule->rule, sizeof(rule->rule)) || !is_ended(rule->from, sizeof(rule->from)) ||
        !is_ended(rule->program, sizeof(rule->program)) ||
        rule->argument_count > TASK_DIRECT_ARGUMENTS || rule->name_count > TASK_DIRECT_NAMES ||
        rule->strings_size > sizeof(rule->strings))
        return false;
    for (uint32_t i = 0; i < rule->argument_count + rule->name_count; i++) {
        if (next(&strings) == NULL)
            return false;
    }
    return strings.size == 0;
}

static bool matches_arguments(const struct task_direct *rule, struct direct_strings *patterns,
                              struct direct_strings arguments)
{
    for (uint32_t i = 0; i < rule->argument_count; i++) {
        const char *pattern = next(patterns);
        if (pattern == NULL)
            return false;
        if (i + 1 == rule->argument_count && strcmp(pattern, "...") == 0)
            return true;
        const char *argument = next(&arguments);
        if (argument == NULL || (strcmp(pattern, "*") != 0 && strcmp(pattern, argument) != 0))
            return false;
    }
    return arguments.size == 0 && !arguments.is_cut;
}

/* What has no '=' is no variable, and no rule names it. */
static bool is_named(const struct task_direct *rule, struct direct_strings names,
                     const char *variable)
{
    const char *end = strchr(variable, '=');
    if (end == NULL || end == variable)
        return false;
    size_t length = (size_t)(end - variable);
    for (uint32_t i = 0; i < rule->name_count; i++) {
        const char *name = next(&names);
        if (name != NULL && strlen(name) == length && memcmp(name, variable, length) == 0)
            return true;
    }
    return false;
}

/* VARIABLE's name (of LENGTH bytes) is PATTERN, or begins like what stands in it before a *. */
static bool fits(const char *pattern, const char *variable, size_t length)
{
    size_t known = strcspn(pattern, "*");
    return (pattern[known] == '*' ? length >= known : length == known) &&
           memcmp(variable, pattern, known) == 0;
}

/* Any variable but those that are named. */
static bool is_harmless(const struct task_direct *rule, struct direct_strings names,
                        const char *variable)
{
    size_t length = strcspn(variable, "=");
    for (uint32_t i = 0; i < rule->name_count; i++) {
        const char *name = next(&names);
        if (name == NULL || fits(name, variable, length))
            return false;
    }
    return true;
}

bool direct_matches(const struct task_direct *rule, const struct direct_strings *arguments,
                    const struct direct_strings *environment)
{
    struct direct_strings strings = {.data = rule->strings, .size = rule->strings_size};
    struct direct_strings variables = *environment;
    if (!matches_arguments(rule, &strings, *arguments))
        return false;
    while (variables.size > 0) {
        const char *variable = next(&variables);
        if (variable == NULL ||
            !(rule->is_any_environment != 0 ? is_harmless(rule, strings, variable)
                                            : is_named(rule, strings, variable)))
            return false;
    }
    return !variables.is_cut;
}
