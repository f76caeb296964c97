/* The branch a session works on, reserved on the host so that no other session can have it. */
#ifndef HOST_BRANCH_H
#define HOST_BRANCH_H

#include <limits.h>
#include <stdbool.h>

#include "lib/host/repository.h"

#define BRANCH_SIZE 256

/* Which branch is wanted. Strings are borrowed; NULL or false: not asked for. */
struct branch_request {
    const char *agent;
    const char *session;
    const char *name;   /* of the session */
    const char *branch; /* exactly this one */
    bool use_current;   /* the one that is checked out */
    bool is_dry_run;    /* nothing is made */
};

struct branch {
    char name[33];              /* the session's name */
    char inside[BRANCH_SIZE];   /* in the container */
    char host[BRANCH_SIZE];     /* in the user's repository */
    char reservation[PATH_MAX]; /* the file that holds it; "" when nothing is held */
    bool made_ref;              /* refs/heads/HOST was made here */
};

/*
 * Chooses and reserves the branch for REQUEST: a file made with O_EXCL in STATE/branches, and, when
 * there is a commit to start from, the ref itself. In a dry run nothing is made. 0, or
 * -errno with a sentence that says what to do.
 */
int branch_reserve(const struct branch_request *request, const struct repository *repository,
                   struct branch *branch, struct error *err);

/* Gives the reservation back, because nothing was started. Errors are dropped: there is nothing
 * left to do. */
void branch_release(const struct repository *repository, struct branch *branch);

/* A session name made from a branch name: lower case letters, digits and '-'. */
void branch_slug(const char *branch, char name[33]);

#endif
