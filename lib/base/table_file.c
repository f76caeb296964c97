/* The reader of the text tables in policies/. */
#include "lib/base/table_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

static const char blanks[] = " \t";

static void cut_comment_and_trailing_blanks(char *line)
{
    /* '#' starts a comment at the start of a line or after a blank, so that a field may contain it.
     */
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '#' && (at == line || strchr(blanks, at[-1]) != NULL)) {
            *at = '\0';
            break;
        }
    }
    size_t length = strlen(line);
    while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL)
        line[--length] = '\0';
}

/* Splits LINE in place; the field number MAXIMUM takes the rest of the line. */
static void split_fields(char *line, size_t maximum, struct table_file_row *row)
{
    row->field_count = 0;
    char *at = line + strspn(line, blanks);
    while (*at != '\0' && row->field_count < maximum) {
        row->fields[row->field_count++] = at;
        if (row->field_count == maximum)
            return;
        at += strcspn(at, blanks);
        if (*at == '\0')
            return;
        *at++ = '\0';
        at += strspn(at, blanks);
    }
}

static int read_line(char *line, struct table_file_row *row, size_t minimum, size_t maximum)
{
    cut_comment_and_trailing_blanks(line);
    split_fields(line, maximum, row);
    return row->field_count == 0 || row->field_count >= minimum ? 0 : -EINVAL;
}

int table_file_read(const char *path, size_t minimum, size_t maximum, table_file_callback *callback,
                    void *context, struct error *err)
{
    cleanup_free char *data = NULL;
    size_t size = 0;
    int result = fd_read_file(AT_FDCWD, path, TABLE_FILE_SIZE_MAX, &data, &size, err);
    if (result < 0)
        return result;
    if (maximum > TABLE_FILE_FIELDS_MAX || memchr(data, '\0', size) != NULL)
        return error_set(err, EINVAL, "%s: not a text table", path);
    struct table_file_row row = {.line = 0};
    for (char *line = data; line != NULL;) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        row.line++;
        if (read_line(line, &row, minimum, maximum) < 0)
            return error_set(err, EINVAL, "%s:%u: %zu fields, at least %zu expected", path,
                             row.line, row.field_count, minimum);
        if (row.field_count > 0) {
            result = callback(&row, context, err);
            if (result < 0)
                return error_prefix(err, "%s:%u", path, row.line);
        }
        line = next;
    }
    return 0;
}
