/* A command that waits for an answer, in one line for people who do something else. */
#ifndef HOST_ASK_LINE_H
#define HOST_ASK_LINE_H

#include <jansson.h>

/*
 * "session NAME asks, coding-agents approve ID or deny ID: npm publish (rule RULE: why)": ASK (of
 * lib/wire/ask.h) of SESSION, which is called NAME (NULL: not named). Safe for a terminal; a long
 * command is cut. Owned by the caller, NULL when memory is short.
 */
char *ask_line(const char *session, const char *name, const json_t *ask);

/* Its id, as approve and deny take it: owned by the caller, NULL when memory is short. */
char *ask_line_id(const char *session, const json_t *ask);

#endif
