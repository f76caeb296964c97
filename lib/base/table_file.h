/* The text tables in policies/: one row a line, fields separated by blanks, '#' starts a comment.
 */
#ifndef BASE_TABLE_FILE_H
#define BASE_TABLE_FILE_H

#include <stddef.h>

#include "lib/base/error.h"

/* Most fields in a row and most bytes in a file: our own data, generously bounded. */
#define TABLE_FILE_FIELDS_MAX 16
#define TABLE_FILE_SIZE_MAX (1024 * 1024)

struct table_file_row {
    unsigned int line; /* from 1 */
    size_t field_count;
    const char *fields[TABLE_FILE_FIELDS_MAX]; /* borrowed, valid during the callback */
};

/* Called for each row. 0 goes on; a negative errno stops (ERR set by the callback). */
typedef int table_file_callback(const struct table_file_row *row, void *context, struct error *err);

/*
 * Reads PATH and calls CALLBACK for each row with at least MINIMUM and at most MAXIMUM fields; the
 * last field takes the rest of the line, blanks included. A row outside these bounds is an error
 * that names file and line. 0 or -errno.
 */
int table_file_read(const char *path, size_t minimum, size_t maximum, table_file_callback *callback,
                    void *context, struct error *err);

#endif
