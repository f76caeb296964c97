/* Answers of the runner as lines for people or as JSON. */
#ifndef RUNNERCTL_PRINT_H
#define RUNNERCTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>

#include "sandbox/task-client/connection.h"

struct print {
    bool is_json;
    json_t *rows; /* owned; NULL for people */
};

/* SIZE bytes as a JSON string. Those that are no UTF-8 become '?' with all of their kind. Owned by
 * the caller; NULL without memory. */
json_t *print_text(const char *data, size_t size);

/* A list of rows: its head, each row that comes, its end (nothing more is printed of one that is
 * not whole). */
void print_begin(struct print *print);
void print_row(void *context, const union task_message_of_runner *message);
void print_end(struct print *print, bool is_whole);

/* The runner's status. CONTEXT is a struct print. */
void print_status(void *context, const union task_message_of_runner *message);

#endif
