/* What became of a request, as one JSON object for a script. */
#ifndef RUNNERCTL_OUTCOME_H
#define RUNNERCTL_OUTCOME_H

#include <stddef.h>

#include "sandbox/task-client/session.h"

/* How a command ended, or why it was not run, on FD (borrowed). */
void outcome_print(int fd, const struct task_ending *ending);

/* The signal that was sent to the command ID; 0: its sandbox was ended. */
void outcome_print_kill(const char *id, int signal);

/* What the command ID wrote. */
void outcome_print_log(const char *id, const char *data, size_t size);

#endif
