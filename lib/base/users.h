/* The identities of a container: policies/users.tab, the only place where their numbers stand. */
#ifndef BASE_USERS_H
#define BASE_USERS_H

#include <sys/types.h>

#include "lib/base/error.h"

#define USERS_FILE "/etc/coding-agents/users.tab"
#define USERS_NAME_SIZE 33

struct user {
    char name[USERS_NAME_SIZE];
    uid_t uid;
    gid_t gid;
    char home[128];
};

/* Finds NAME in the table at PATH. 0 with *USER filled, -ENOENT when it is not listed, -errno. */
int users_find(const char *path, const char *name, struct user *user, struct error *err);

#endif
