/* Matches the lines of a file of variables against those that are allowed and refused. */
#include "lib/host/refused_variables.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/string_list.h"
#include "lib/base/table_file.h"
#include "lib/wire/variables.h"

/* The table, row by row. */
struct rows {
    struct string_list patterns;
    struct string_list reasons; /* "" where the row allows */
};

static void free_rows(struct rows *rows)
{
    string_list_free(&rows->patterns);
    string_list_free(&rows->reasons);
}

static int add_row(const struct table_file_row *row, void *context, struct error *err)
{
    struct rows *rows = context;
    bool allows = strcmp(row->fields[0], "allow") == 0;
    if (!allows && strcmp(row->fields[0], "refuse") != 0 && strcmp(row->fields[0], "code") != 0)
        return error_set(err, EPROTO, "'%s' is neither allow nor refuse nor code", row->fields[0]);
    string_list_add(&rows->patterns, row->fields[1]);
    string_list_add(&rows->reasons, allows ? "" : row->fields[2]);
    return 0;
}

static int read_rows(const char *path, struct rows *rows, struct error *err)
{
    int status = table_file_read(path, 3, 3, add_row, rows, err);
    if (status == 0 && (rows->patterns.has_failed || rows->reasons.has_failed))
        status = error_set(err, ENOMEM, "read '%s'", path);
    return status;
}

/* A pattern is for a name, or, with a value in it, for the whole line. */
static bool fits(const char *pattern, const struct variable *variable)
{
    char text[256];
    size_t length = variable->name_size;
    if (strchr(pattern, '=') != NULL)
        length += 1 + variable->value_size;
    /* What is longer is cut: no pattern with a value looks at as much. */
    snprintf(text, sizeof(text), "%.*s", (int)length, variable->name);
    return fnmatch(pattern, text, FNM_NOESCAPE) == 0;
}

/* The first row that fits decides. */
static int check(const struct variable *variable, void *context, struct error *err)
{
    const struct rows *rows = context;
    size_t i = 0;
    while (i < rows->patterns.count && !fits(rows->patterns.items[i], variable))
        i++;
    if (i == rows->patterns.count || rows->reasons.items[i][0] == '\0')
        return 0;
    return error_set(err, EINVAL, "--env-file: line %u sets %.*s, which is refused: %s",
                     variable->line, (int)variable->name_size, variable->name,
                     rows->reasons.items[i]);
}

int refused_variables_check(const char *path, const char *text, struct error *err)
{
    __attribute__((cleanup(free_rows))) struct rows rows = {.patterns = {.items = NULL}};
    int status = read_rows(path, &rows, err);
    return status < 0 ? status : variables_each(text, strlen(text), check, &rows, err);
}
