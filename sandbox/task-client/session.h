/* A command from its hand-over to its end, as the client lives through it. */
#ifndef TASK_CLIENT_SESSION_H
#define TASK_CLIENT_SESSION_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/wire/task_protocol.h"

struct task_ending {
    bool has_run;    /* else reply is DENIED, FAILED or ERROR: why not */
    bool is_lost;    /* the sandbox was ended from outside, and the command with it */
    int wait_status; /* of the command, as waitpid(2) */
    struct task_reply reply;
};

/*
 * Waits on CONNECTION, over which the command was sent, until that has started, then does what its
 * process would do here: the terminal's bytes go both ways, signals go in, stops are stops of this
 * process too. Until the start, signals have their ordinary effect; from then on, descriptors 0 to
 * 2 are closed (their other ends must see what the command does with them), but for a terminal. 0
 * with *ENDING filled, or -errno when nothing is known of the command.
 */
int task_session_run(int connection, struct task_ending *ending, struct error *err);

/* The exit code for what was not run. */
int task_session_refusal_code(const struct task_reply *reply);

/* Prints why nothing was run, and returns the exit code for it. */
int task_session_refuse(const struct task_reply *reply);

/* Ends this process as the command ended: its code, or its signal without a core file. */
void task_session_end(int wait_status) __attribute__((noreturn));

#endif
