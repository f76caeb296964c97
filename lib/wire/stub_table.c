/* Finds a stub by its agent, or by its name. */
#include "lib/wire/stub_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/table_file.h"

enum column { COLUMN_STUB, COLUMN_AGENT, COLUMN_IDENTITY, COLUMN_PROGRAM, COLUMN_COUNT };

struct search {
    enum column column; /* in which TEXT is looked for */
    const char *text;
    struct stub *stub;
    bool is_found;
};

static int match(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    const char *const *fields = row->fields;
    struct stub *stub = search->stub;
    if (strcmp(fields[search->column], search->text) != 0)
        return 0;
    if (strlen(fields[COLUMN_STUB]) >= sizeof(stub->name) ||
        strlen(fields[COLUMN_AGENT]) >= sizeof(stub->agent) ||
        strlen(fields[COLUMN_IDENTITY]) >= sizeof(stub->identity) ||
        strlen(fields[COLUMN_PROGRAM]) >= sizeof(stub->program) || fields[COLUMN_PROGRAM][0] != '/')
        return error_set(err, EINVAL, "a name is too long, or the program no absolute path");
    snprintf(stub->name, sizeof(stub->name), "%s", fields[COLUMN_STUB]);
    snprintf(stub->agent, sizeof(stub->agent), "%s", fields[COLUMN_AGENT]);
    snprintf(stub->identity, sizeof(stub->identity), "%s", fields[COLUMN_IDENTITY]);
    snprintf(stub->program, sizeof(stub->program), "%s", fields[COLUMN_PROGRAM]);
    search->is_found = true;
    return 0;
}

static int find(const char *path, struct search *search, struct error *err)
{
    int result = table_file_read(path, COLUMN_COUNT, COLUMN_COUNT, match, search, err);
    return result < 0 || search->is_found ? result : -ENOENT;
}

int stub_table_find(const char *path, const char *agent, struct stub *stub, struct error *err)
{
    struct search search = {.column = COLUMN_AGENT, .text = agent, .stub = stub};
    return find(path, &search, err);
}

int stub_table_find_name(const char *path, const char *name, struct stub *stub, struct error *err)
{
    struct search search = {.column = COLUMN_STUB, .text = name, .stub = stub};
    return find(path, &search, err);
}
