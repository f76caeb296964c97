/* A command that waits for an answer, in one line for people who do something else. */
#ifndef HOST_ASK_LINE_H
#define HOST_ASK_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * "session NAME asks, coding-agents approve ID or deny ID: npm publish (rule RULE: why)": ASK (of
 * lib/wire/ask.h) of SESSION, which is called NAME (NULL: not named). Safe for a terminal; a long
 * command is cut. Of a command that asks inside another, that one alone is shown, and so said.
 * Owned by the caller, NULL when memory is short.
 */
char *ask_line(const char *session, const char *name, const json_t *ask);

/* The words of the command inside it that FIELDS ask about, as a shell would read them; nothing and
 * false when it is the command itself. A long one is cut. */
bool ask_line_print_inner(FILE *file, const json_t *fields);

/* Its id, as approve and deny take it: owned by the caller, NULL when memory is short. */
char *ask_line_id(const char *session, const json_t *ask);

#endif
