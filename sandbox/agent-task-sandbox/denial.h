/* Tells a process inside a sandbox why its exec is refused. */
#ifndef TASK_SANDBOX_DENIAL_H
#define TASK_SANDBOX_DENIAL_H

#include <sys/types.h>

#include "lib/policy/policy.h"

/*
 * Writes the line of JUDGEMENT to the standard error of PID, if that takes it at once; never
 * blocks.
 */
void denial_say(pid_t pid, const struct policy_judgement *judgement);

#endif
