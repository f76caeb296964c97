/* Starting the command of a sandbox. */
#ifndef TASK_SANDBOX_COMMAND_H
#define TASK_SANDBOX_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/policy/policy.h"
#include "sandbox/agent-task-sandbox/image.h"
#include "sandbox/agent-task-sandbox/streams.h"
#include "sandbox/agent-task-sandbox/target.h"
#include "sandbox/agent-task-sandbox/terminal.h"

/* Everything is borrowed. */
struct command_spec {
    const struct target *target;
    const struct image *image;
    char *const *arguments;
    char *const *environment;
    const struct streams *streams;
    const struct terminal *terminal;
    const struct policy_profile *profile;
    uint64_t pass; /* nested_listen; 0: its exec is asked about, and made with a stop pending */
    uint32_t umask;
    uint64_t ignored_signals; /* as struct task_run */
};

struct command {
    pid_t pid;
    int report; /* owned; readable when the outcome of execve(2) is known, see command_outcome */
};

#define COMMAND_NONE ((struct command){.pid = 0, .report = -1})

/*
 * Starts the command, a process group of its own, in the foreground of the terminal if there is
 * one. Until its outcome is known, it runs in our memory on a stack of its own: what SPEC borrows
 * must stay, and the caller should do nothing that could fail and set errno. Its signal
 * dispositions are ours, but for the ignored ones. 0 with COMMAND filled, or -errno when there
 * could be no process.
 */
int command_start(const struct command_spec *spec, struct command *command, struct error *err);

/* True when command_outcome would not wait. */
bool command_has_outcome(const struct command *command);

/*
 * Waits for what became of execve(2): 0 when it was executed, or killed before, else the -errno
 * that it failed with; the process ends by itself then.
 */
int command_outcome(struct command *command);

#endif
