/* The environment of a confined program. */
#ifndef CONFINE_ENVIRONMENT_H
#define CONFINE_ENVIRONMENT_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "lib/base/users.h"

#define ENVIRONMENT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENVIRONMENT_LANG "C.UTF-8"

/* True for "NAME=VALUE" with a NAME of letters, digits and '_' that does not start with a digit. */
bool environment_is_assignment(const char *text);

/* PATH, HOME, USER and LANG for USER, nothing else. LIST is owned by the caller. 0 or -ENOMEM. */
int environment_fresh(const struct user *user, struct string_list *list, struct error *err);

/*
 * INHERITED (NULL-terminated, borrowed) as the service's row gave it, with HOME, USER and LOGNAME
 * of USER, SHELL, PATH and LANG when missing, and without what only this program may use; in front
 * of what LIST has already. 0 or -ENOMEM.
 */
int environment_of_service(char *const *inherited, const struct user *user,
                           struct string_list *list, struct error *err);

/* Replaces or adds ASSIGNMENT ("NAME=VALUE"). 0 or -ENOMEM. */
int environment_set(struct string_list *list, const char *assignment);

/* The value of NAME (borrowed) or NULL. */
const char *environment_get(const struct string_list *list, const char *name);

#endif
