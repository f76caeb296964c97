/*
 * A child of the keeper that asks the engine, which may take long, while the keeper's loop goes on.
 * It reports over a pipe and dies with the keeper.
 */
#ifndef KEEPER_HELPER_H
#define KEEPER_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

struct keeper;

enum helper_kind {
    HELPER_CONTAINER_SEEN = 1,
    HELPER_CONTAINER_ENDED = 2,
    HELPER_CONTAINER_REMOVED = 3,
    HELPER_NETWORK_REMOVED = 4,
    HELPER_CONTAINER_PAUSED = 5,
};

/* One message of the pipe: below PIPE_BUF, so it comes whole. */
struct helper_report {
    uint32_t kind;
    int32_t exit_code;
    bool was_oom_killed;
    bool engine_was_away;
    char error[256];
};

/* What the child does; NAME is the container's. It reports with helper_say and returns. */
typedef void helper_work(const char *name, int fd);
/* In the keeper: a report, or NULL when the child has ended. */
typedef void helper_callback(struct keeper *keeper, const struct helper_report *report);

struct helper {
    struct keeper *keeper; /* borrowed */
    pid_t pid;             /* 0: none */
    int fd;                /* owned; the pipe's reading end */
    int source;
    helper_callback *callback;
};

/* Starts the child of HELPER, a row of KEEPER that has none. 0 or -errno. */
int helper_start(struct keeper *keeper, struct helper *helper, helper_work *work,
                 helper_callback *callback);
/* Ends and reaps the child, if there is one. */
void helper_stop(struct helper *helper);
/* In the child. */
void helper_say(int fd, const struct helper_report *report);

#endif
