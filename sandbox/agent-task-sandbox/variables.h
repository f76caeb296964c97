/* The environment of a command: what policy passes of the caller's, and what is the sandbox's own.
 */
#ifndef TASK_SANDBOX_VARIABLES_H
#define TASK_SANDBOX_VARIABLES_H

#include <stddef.h>

#include "lib/base/users.h"
#include "lib/policy/policy.h"

/* HOME, USER, LOGNAME, SHELL, each with its '=' and value. */
#define VARIABLES_OWN 4
#define VARIABLES_OWN_SIZE (sizeof(((struct user *)0)->home) + 8)

struct variables {
    char **items; /* owned, NULL at the end; the strings are the caller's, the policy's or own */
    char own[VARIABLES_OWN][VARIABLES_OWN_SIZE];
};

/*
 * Of GIVEN (COUNT strings, borrowed for as long as VARIABLES is used) those that are NAME=VALUE,
 * pass POLICY and are the first of their name; then the policy's own, which replace what was
 * given, and HOME, USER and LOGNAME of USER, and a SHELL that is there. VARIABLES must not move
 * afterwards. 0 or -ENOMEM.
 */
int variables_make(const struct policy *policy, const struct user *user, char *const *given,
                   size_t count, struct variables *variables);

/* The value of NAME (borrowed) or NULL. */
const char *variables_get(const struct variables *variables, const char *name);

/* Releases the list; the strings are others'. */
void variables_release(struct variables *variables);

#endif
