/* The number of one identity of policies/users.tab, for programs that see the kernel's struct user
 * (sys/user.h) and so cannot see ours. */
#ifndef BASE_USER_NUMBER_H
#define BASE_USER_NUMBER_H

#include <sys/types.h>

#include "lib/base/error.h"

/* Finds NAME in the table of the container. 0 with *UID filled, -ENOENT when it is not listed,
 * -errno. */
int user_number_find(const char *name, uid_t *uid, struct error *err);

#endif
