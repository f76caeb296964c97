/* Matches the lines of a file of variables against those that are refused. */
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
    /* Nothing that is refused is as long. */
    if (length >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)length, line);
    return fnmatch(pattern, text, FNM_NOESCAPE) == 0;
}

struct search {
    const char *text;
    bool is_refused;
    struct error *err;
};

static int match(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    const char *line = search->text;
    unsigned int number = 1;
    (void)err;
    for (size_t length; *line != '\0'; line += length + (line[length] == '\n'), number++) {
        length = strcspn(line, "\n");
        if (search->is_refused || line[0] == '#' || !fits(row->fields[0], line, length))
            continue;
        search->is_refused = true;
        error_set(search->err, EINVAL, "--env-file: line %u sets %.*s, which is refused: %s",
                  number, (int)strcspn(line, "="), line, row->fields[1]);
    }
    return 0;
}

int refused_variables_check(const char *path, const char *text, struct error *err)
{
    struct search search = {.text = text, .err = err};
    int status = table_file_read(path, 2, 2, match, &search, err);
    return status == 0 && search.is_refused ? -EINVAL : status;
}
