/* What goes on record of what the task runner was told. Pure. */
#ifndef EXEC_TRAP_EVENT_H
#define EXEC_TRAP_EVENT_H

#include <stddef.h>

#include "lib/wire/exec_event.h"
#include "sandbox/exec-trap/direct_match.h"

/* A program's path and a reason fit. */
#define EVENT_LINE_SIZE (PATH_MAX + TASK_TEXT_SIZE + 256)

/* EVENT is VERDICT's, but for what the runner knows itself: ROW's identities. ROW gets what people
 * are shown. */
void event_of_verdict(const struct task_verdict *verdict, struct task_row *row,
                      struct exec_event *event);

/* The event of an exec inside the sandbox of ROW. */
void event_of_nested(const struct task_nested *nested, const struct task_row *row,
                     struct exec_event *event);

/* The event of an exec that has the shape of RULE and these arguments, without whose it is. */
void event_of_direct(const struct task_direct *rule, const struct direct_strings *arguments,
                     struct exec_event *event);

/* The event of one that is not judged, without whose it is. */
void event_of_refusal(const char *path, int error, const char *why, struct exec_event *event);

/* EVENT asked, and is denied: its text, which is what its rule says, becomes what its caller
 * reads. */
void event_deny(struct exec_event *event, const char *why);

/* One line: what people read in the log of a container without keeper. */
void event_format(const struct exec_event *event, char line[EVENT_LINE_SIZE]);

#endif
