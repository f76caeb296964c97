/*
 * What an exec would run that somebody in the sandbox waits to make: told by the caller's memory,
 * which it may have made unreadable, and by its /proc. Root is not needed, nor would it help.
 */
#ifndef TASK_SANDBOX_ASKED_H
#define TASK_SANDBOX_ASKED_H

#include <limits.h>
#include <linux/seccomp.h>

#include "sandbox/agent-task-sandbox/foreign.h"

enum asked_part {
    ASKED_NOTHING, /* neither; program is the path as it was called, "" when not even that */
    ASKED_PROGRAM, /* the arguments are not known */
    ASKED_WHOLE,
};

struct asked {
    enum asked_part known;
    char called[PATH_MAX];
    char program[PATH_MAX];   /* with links resolved */
    char directory[PATH_MAX]; /* the working directory */
    struct foreign_list arguments;
};

/*
 * Reads what the call of QUESTION would run. 0, with what could be read in ASKED; or the -errno
 * that it fails with, as nothing that can run is there. ASKED is freed by the caller in both cases.
 * What was read is true only if the question is still valid afterwards (seccomp_unotify(2)).
 */
int asked_read(const struct seccomp_notif *question, struct asked *asked);

void asked_free(struct asked *asked);

#endif
