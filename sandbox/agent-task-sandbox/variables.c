/* Scrubs the environment of a command; a hostile one is as long as the protocol allows. */
#include "sandbox/agent-task-sandbox/variables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define SHELL_PROGRAM "/bin/bash"

/* Names that were seen: open addressing, at most half full. */
struct names {
    const char **slots; /* owned; the strings begin with a name and '=' */
    size_t mask;
};

struct builder {
    const struct policy *policy;
    struct variables *variables;
    struct names names;
    size_t count;
    const char *shell; /* "SHELL=..." as given; NULL when it was not */
};

static size_t name_length(const char *text)
{
    return strcspn(text, "=");
}

/* FNV-1a. Somebody who makes collisions slows his own command down. */
static size_t hash(const char *name, size_t length)
{
    uint64_t value = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
    return (size_t)(value ^ value >> 32);
}

static int names_make(struct names *names, size_t count)
{
    size_t capacity = 64;

    while (capacity < count * 2)
        capacity *= 2;
    names->slots = calloc(capacity, sizeof(*names->slots));
    names->mask = capacity - 1;
    return names->slots == NULL ? -ENOMEM : 0;
}

/* True when the name of ASSIGNMENT is new. */
static bool names_add(struct names *names, const char *assignment)
{
    size_t length = name_length(assignment);
    size_t at = hash(assignment, length) & names->mask;

    for (; names->slots[at] != NULL; at = (at + 1) & names->mask) {
        /* With the '=', so that no name is taken for the start of another. */
        if (strncmp(names->slots[at], assignment, length + 1) == 0)
            return false;
    }
    names->slots[at] = assignment;
    return true;
}

static void add(struct builder *builder, const char *assignment)
{
    if (names_add(&builder->names, assignment))
        builder->variables->items[builder->count++] = (char *)(uintptr_t)assignment;
}

static void add_own(struct builder *builder, size_t number, const char *name, const char *value)
{
    char *text = builder->variables->own[number];

    snprintf(text, VARIABLES_OWN_SIZE, "%s=%s", name, value);
    add(builder, text);
}

/* One that is not there would be started again and again, by editors and by make. */
static void add_shell(struct builder *builder)
{
    if (builder->shell != NULL && builder->shell[6] == '/' && access(builder->shell + 6, X_OK) == 0)
        add(builder, builder->shell);
    else
        add_own(builder, VARIABLES_OWN - 1, "SHELL", SHELL_PROGRAM);
}

static void add_given(struct builder *builder, const char *assignment)
{
    size_t length = name_length(assignment);

    if (length > 0 && assignment[length] == '=' &&
        policy_passes_variable(builder->policy, assignment, length))
        add(builder, assignment);
}

static const char *find_shell(char *const *given, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(given[i], "SHELL=", 6) == 0)
            return given[i];
    }
    return NULL;
}

int variables_make(const struct policy *policy, const struct user *user, char *const *given,
                   size_t count, struct variables *variables)
{
    const char *const *set = policy_variables(policy);
    struct builder builder = {.policy = policy, .variables = variables};
    size_t set_count = 0;

    while (set[set_count] != NULL)
        set_count++;
    builder.shell = find_shell(given, count);
    variables->items = calloc(count + set_count + VARIABLES_OWN + 1, sizeof(char *));
    if (variables->items == NULL || names_make(&builder.names, count + set_count) < 0) {
        variables_release(variables);
        return -ENOMEM;
    }
    /* What comes first counts. */
    add_own(&builder, 0, "HOME", user->home);
    add_own(&builder, 1, "USER", user->name);
    add_own(&builder, 2, "LOGNAME", user->name);
    for (size_t i = 0; i < set_count; i++)
        add(&builder, set[i]);
    add_shell(&builder);
    for (size_t i = 0; i < count; i++)
        add_given(&builder, given[i]);
    free(builder.names.slots);
    return 0;
}

const char *variables_get(const struct variables *variables, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; variables->items[i] != NULL; i++) {
        if (strncmp(variables->items[i], name, length) == 0 && variables->items[i][length] == '=')
            return variables->items[i] + length + 1;
    }
    return NULL;
}

void variables_release(struct variables *variables)
{
    free(variables->items);
    variables->items = NULL;
}
