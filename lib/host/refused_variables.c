/* Matches the lines of a file of variables against those that are allowed and refused. */
#include "lib/host/refused_variables.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/table_file.h"

/* A pattern is for a name, or, with a value in it, for the whole line. */
static bool fits(const char *pattern, const char *line, size_t length)
{
    char text[256];
    if (strchr(pattern, '=') == NULL)
        length = strcspn(line, "=");
    /* What is longer is cut: no pattern with a value looks at as much. */
    snprintf(text, sizeof(text), "%.*s", (int)length, line);
    return fnmatch(pattern, text, FNM_NOESCAPE) == 0;
}

struct search {
    const char *line;
    size_t length;
    bool is_decided;
    bool is_refused;
    char why[256];
};

static int match(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    bool refuses = strcmp(row->fields[0], "refuse") == 0;
    if (!refuses && strcmp(row->fields[0], "allow") != 0)
        return error_set(err, EPROTO, "'%s' is neither allow nor refuse", row->fields[0]);
    if (search->is_decided || !fits(row->fields[1], search->line, search->length))
        return 0;
    search->is_decided = true;
    search->is_refused = refuses;
    snprintf(search->why, sizeof(search->why), "%s", row->fields[2]);
    return 0;
}

int refused_variables_check(const char *path, const char *text, struct error *err)
{
    const char *line = text;
    unsigned int number = 1;
    for (size_t length; *line != '\0'; line += length + (line[length] == '\n'), number++) {
        length = strcspn(line, "\n");
        if (length == 0 || line[0] == '#')
            continue;
        struct search search = {.line = line, .length = length};
        int status = table_file_read(path, 3, 3, match, &search, err);
        if (status < 0)
            return status;
        if (search.is_refused)
            return error_set(err, EINVAL, "--env-file: line %u sets %.*s, which is refused: %s",
                             number, (int)strcspn(line, "="), line, search.why);
    }
    return 0;
}
