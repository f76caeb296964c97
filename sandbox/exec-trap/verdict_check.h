/* Whether what a sandbox says of a command can go on record, before anything is done about it.
 * Pure.
 */
#ifndef EXEC_TRAP_VERDICT_CHECK_H
#define EXEC_TRAP_VERDICT_CHECK_H

#include <stddef.h>

#include "lib/wire/exec_event.h"

/*
 * VERDICT came with SIZE bytes, argv included. 0: its action is one that a sandbox may say, its
 * strings are ended, its lengths are those of what came, and what a sandbox cannot know is not
 * said. Else -EPROTO.
 */
int verdict_check(struct task_verdict *verdict, size_t size);

/* The same for an exec inside. */
int nested_check(struct task_nested *nested, size_t size);

#endif
