/* One command that waits for an answer, as people and scripts see it. */
#ifndef COMMANDS_ASK_VIEW_H
#define COMMANDS_ASK_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * ASK (of lib/wire/ask.h) of the session SESSION, which is called NAME, as docs/policy.md says:
 * owned by the caller, NULL when memory is short.
 */
json_t *ask_view_json(const char *session, const char *name, const json_t *ask);

/* True when VIEW still waits. */
bool ask_view_is_waiting(const json_t *view);
/* True when it is over. */
bool ask_view_is_over(const json_t *view);

/* The title of the columns, and VIEW as lines below it at NOW_NS (CLOCK_REALTIME), safe for a
 * terminal. */
void ask_view_print_title(FILE *file);
void ask_view_print(FILE *file, const json_t *view, uint64_t now_ns);

/* "ID was approved: ...": VIEW, which is over. */
void ask_view_print_outcome(FILE *file, const json_t *view);

#endif
