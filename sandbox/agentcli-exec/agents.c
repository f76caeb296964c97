/* Looks agents up in agents.tab. */
#include "sandbox/agentcli-exec/agents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/base/table_file.h"

enum column {
    COLUMN_NAME,
    COLUMN_IDENTITY,
    COLUMN_FILTER,
    COLUMN_VIEW,
    COLUMN_PROGRAM,
    COLUMN_PROMPT, /* the launcher's */
    COLUMN_COUNT
};

struct search {
    const char *name;
    struct agent *agent;
    bool is_found;
};

static int parse_view(const char *text, bool *is_idmapped)
{
    *is_idmapped = strcmp(text, "idmapped") == 0;
    return *is_idmapped || strcmp(text, "plain") == 0 ? 0 : -EINVAL;
}

static int parse(const struct table_file_row *row, struct agent *agent, struct error *err)
{
    const char *const *fields = row->fields;

    if (strlen(fields[COLUMN_IDENTITY]) >= sizeof(agent->identity))
        return error_set(err, EINVAL, "the identity '%s' is too long", fields[COLUMN_IDENTITY]);
    snprintf(agent->identity, sizeof(agent->identity), "%s", fields[COLUMN_IDENTITY]);
    if (strchr(fields[COLUMN_FILTER], '/') != NULL ||
        path_format(agent->filter, "%s/%s", AGENTS_FILTER_DIRECTORY, fields[COLUMN_FILTER]) < 0)
        return error_set(err, EINVAL, "the filter '%s' must be a file name", fields[COLUMN_FILTER]);
    if (parse_view(fields[COLUMN_VIEW], &agent->is_idmapped) < 0)
        return error_set(err, EINVAL, "the view '%s' must be plain or idmapped",
                         fields[COLUMN_VIEW]);
    if (fields[COLUMN_PROGRAM][0] != '/' ||
        path_format(agent->program, "%s", fields[COLUMN_PROGRAM]) < 0)
        return error_set(err, EINVAL, "the program '%s' must be an absolute path",
                         fields[COLUMN_PROGRAM]);
    return 0;
}

static int match(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    struct agent agent;
    int result = parse(row, &agent, err);

    if (result < 0 || strcmp(row->fields[COLUMN_NAME], search->name) != 0)
        return result;
    *search->agent = agent;
    search->is_found = true;
    return 0;
}

int agents_find(const char *path, const char *name, struct agent *agent, struct error *err)
{
    struct search search = {.name = name, .agent = agent, .is_found = false};
    int result = table_file_read(path, COLUMN_COUNT, COLUMN_COUNT, match, &search, err);

    if (result == 0 && !search.is_found)
        return error_set(err, ENOENT, "find the agent '%s' in %s", name, path);
    return result;
}
