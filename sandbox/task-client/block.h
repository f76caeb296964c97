/* The strings of a command as one sealed file in memory, which only its own sandbox reads. */
#ifndef TASK_CLIENT_BLOCK_H
#define TASK_CLIENT_BLOCK_H

#include "lib/base/error.h"
#include "lib/wire/task_protocol.h"

/* Everything is borrowed; the lists end with NULL. */
struct task_command {
    char *const *arguments;
    char *const *environment;
    uint32_t flags; /* enum task_run_flags */
};

/*
 * Writes the strings of COMMAND and the path of the working directory as struct task_run says, and
 * fills RUN's counts and block_size. The memfd (owned by the caller), or -errno: -E2BIG above
 * TASK_BLOCK_MAX or TASK_STRINGS_MAX.
 */
int task_block_make(const struct task_command *command, struct task_run *run, struct error *err);

#endif
