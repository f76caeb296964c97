/* The one way in which objects of a session reach the user's repository. */
#ifndef COLLECT_FETCH_H
#define COLLECT_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/host/git.h"

enum fetch_outcome {
    FETCH_UPDATED,   /* the host branch moved or appeared */
    FETCH_UNCHANGED, /* the host branch had it all */
    FETCH_NOTHING,   /* the session has pushed nothing */
    FETCH_REJECTED,  /* the host branch has commits that the session's does not contain */
    FETCH_BROKEN,    /* the stream was refused or broke off; reason says why */
};

struct fetch_request {
    const char *repository; /* borrowed, as all: top directory of the user's repository */
    const struct git_identity *identity;
    const char *branch;             /* in the session */
    const char *host_branch;        /* in the repository */
    const char *base_commit;        /* "" for none */
    const char *const *upload_pack; /* docker command whose streams speak git's pack protocol */
    uint64_t limit;                 /* bytes it may send */
};

struct fetch_answer {
    enum fetch_outcome outcome;
    char previous[GIT_OBJECT_SIZE]; /* commit of the host branch before; "" when there was none
                                     */
    char tip[GIT_OBJECT_SIZE];      /* commit of the host branch now; "" when there is none */
    uint64_t received;              /* bytes from the session */
    bool has_client_failed;         /* the docker command was killed or failed */
    char reason[512];               /* printable; for FETCH_BROKEN */
};

/*
 * Fetches BRANCH into HOST_BRANCH with `git fetch` in the user's repository, as IDENTITY. The
 * docker command runs as the caller. Never moves a branch over commits that the new one does not
 * contain. 0 with *ANSWER set, or -errno when it could not be tried.
 */
int fetch_run(const struct fetch_request *request, struct fetch_answer *answer, struct error *err);

#endif
