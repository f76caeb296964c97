/* Builds environments from nothing, or from what a service row gave. */
#include "sandbox/confine/environment.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define SHELL_PROGRAM "/bin/bash"

/* For the program that starts the agent, not for the agent. */
static const char *const withheld_names[] = {"NOTIFY_FD"};

bool environment_is_assignment(const char *text)
{
    size_t length = 0;

    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length > 0 && text[length] == '=' && !isdigit((unsigned char)text[0]);
}

static size_t name_length(const char *assignment)
{
    return strcspn(assignment, "=");
}

/* The place of the variable NAME of LENGTH bytes, or the list's count. */
static size_t find(const struct string_list *list, const char *name, size_t length)
{
    size_t at = 0;

    while (at < list->count &&
           !(strncmp(list->items[at], name, length) == 0 && list->items[at][length] == '='))
        at++;
    return at;
}

const char *environment_get(const struct string_list *list, const char *name)
{
    size_t at = find(list, name, strlen(name));

    return at < list->count ? list->items[at] + strlen(name) + 1 : NULL;
}

int environment_set(struct string_list *list, const char *assignment)
{
    size_t at = find(list, assignment, name_length(assignment));
    char *copy;

    if (at == list->count)
        return string_list_add(list, assignment) == NULL ? -ENOMEM : 0;
    copy = strdup(assignment);
    if (copy == NULL)
        return -ENOMEM;
    free(list->items[at]);
    list->items[at] = copy;
    return 0;
}

static int set_pair(struct string_list *list, const char *name, const char *value)
{
    char assignment[256];
    int length = snprintf(assignment, sizeof(assignment), "%s=%s", name, value);

    if (length < 0 || (size_t)length >= sizeof(assignment))
        return -ENOMEM;
    return environment_set(list, assignment);
}

static int set_missing(struct string_list *list, const char *name, const char *value)
{
    return environment_get(list, name) != NULL ? 0 : set_pair(list, name, value);
}

int environment_fresh(const struct user *user, struct string_list *list, struct error *err)
{
    int result = set_pair(list, "PATH", ENVIRONMENT_PATH);

    if (result == 0)
        result = set_pair(list, "HOME", user->home);
    if (result == 0)
        result = set_pair(list, "USER", user->name);
    if (result == 0)
        result = set_pair(list, "LANG", ENVIRONMENT_LANG);
    return result < 0 ? error_set(err, -result, "build the environment") : 0;
}

static bool is_withheld(const char *assignment)
{
    size_t length = name_length(assignment);

    for (size_t i = 0; i < ARRAY_LENGTH(withheld_names); i++) {
        if (strlen(withheld_names[i]) == length &&
            strncmp(withheld_names[i], assignment, length) == 0)
            return true;
    }
    return !environment_is_assignment(assignment);
}

static int set_identity(struct string_list *list, const struct user *user)
{
    int result = set_pair(list, "HOME", user->home);

    if (result == 0)
        result = set_pair(list, "USER", user->name);
    if (result == 0)
        result = set_pair(list, "LOGNAME", user->name);
    if (result == 0)
        result = set_missing(list, "SHELL", SHELL_PROGRAM);
    if (result == 0)
        result = set_missing(list, "PATH", ENVIRONMENT_PATH);
    if (result == 0)
        result = set_missing(list, "LANG", ENVIRONMENT_LANG);
    return result;
}

int environment_of_service(char *const *inherited, const struct user *user,
                           struct string_list *list, struct error *err)
{
    int result = 0;

    for (; *inherited != NULL && result == 0; inherited++) {
        if (!is_withheld(*inherited))
            result = environment_set(list, *inherited);
    }
    if (result == 0)
        result = set_identity(list, user);
    return result < 0 ? error_set(err, -result, "build the environment") : 0;
}
