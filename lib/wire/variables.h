/*
 * Environment variables for the agent's own process, keys of its provider first of all: a file of
 * lines NAME=VALUE that the launcher hands over in the session directory. Blank lines and lines
 * that start with '#' are skipped; a value is taken as it stands, without quotes or expansion.
 */
#ifndef WIRE_VARIABLES_H
#define WIRE_VARIABLES_H

#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"

/* One line, as it lies in the text: no NUL behind name and value. */
struct variable {
    const char *name;
    size_t name_size;
    const char *value;
    size_t value_size;
    unsigned int line; /* from 1 */
};

/* What is done with each; a negative number ends it. */
typedef int variables_visit(const struct variable *variable, void *context, struct error *err);

/* Calls VISIT for each variable in TEXT (SIZE bytes and a NUL). 0, what VISIT returned, or -EINVAL
 * with the number of a line that is none. */
int variables_each(const char *text, size_t size, variables_visit *visit, void *context,
                   struct error *err);

/*
 * Adds the variables in TEXT (SIZE bytes and a NUL) to LIST, each as "NAME=VALUE". -EINVAL names
 * the line of one that is none, and never says what stands there. LIST may have some of them then.
 */
int variables_parse(const char *text, size_t size, struct string_list *list, struct error *err);

/*
 * Reads the file at PATH, checks it, and gives its TEXT, which is owned by the caller and released
 * by variables_free. 0 or -errno.
 */
int variables_read(const char *path, char **text, struct error *err);

/* Wipes and releases TEXT. NULL is fine. */
void variables_free(char *text);

#endif
