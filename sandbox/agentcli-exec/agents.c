/* Looks agents up in agents.tab, and their variables in agent-environment.tab. */
#include "sandbox/agentcli-exec/agents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/base/table_file.h"
#include "sandbox/confine/environment.h"

enum column {
    COLUMN_NAME,
    COLUMN_IDENTITY,
    COLUMN_FILTER,
    COLUMN_VIEW,
    COLUMN_PROGRAM,
    COLUMN_DIRECT,
    COLUMN_PROMPT, /* the launcher's */
    COLUMN_COUNT
};

#define NO_PROGRAM "none"
#define SEPARATOR ","

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

static int parse_direct(const char *text, struct agent *agent)
{
    size_t used = 0;

    agent->direct_count = 0;
    if (strcmp(text, NO_PROGRAM) == 0)
        return 0;
    for (size_t length; *text != '\0'; text += length + strspn(text + length, SEPARATOR)) {
        length = strcspn(text, SEPARATOR);
        if (*text != '/' || agent->direct_count == AGENTS_PROGRAMS_MAX ||
            used + length >= sizeof(agent->direct))
            return -EINVAL;
        memcpy(agent->direct + used, text, length);
        used += length;
        agent->direct[used++] = '\0';
        agent->direct_count++;
    }
    return 0;
}

size_t agents_direct(const struct agent *agent, const char *list[AGENTS_PROGRAMS_MAX])
{
    const char *at = agent->direct;

    for (size_t i = 0; i < agent->direct_count; i++) {
        list[i] = at;
        at += strlen(at) + 1;
    }
    return agent->direct_count;
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
    if (parse_direct(fields[COLUMN_DIRECT], agent) < 0)
        return error_set(err, EINVAL,
                         "'%s' must be absolute paths of programs, at most %d, or " NO_PROGRAM,
                         fields[COLUMN_DIRECT], AGENTS_PROGRAMS_MAX);
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

enum environment_column { ENVIRONMENT_AGENT, ENVIRONMENT_VARIABLE, ENVIRONMENT_COLUMNS };

struct variables_search {
    const char *name;
    struct string_list *list;
};

static int match_variable(const struct table_file_row *row, void *context, struct error *err)
{
    const struct variables_search *search = context;
    const char *variable = row->fields[ENVIRONMENT_VARIABLE];

    if (!environment_is_assignment(variable))
        return error_set(err, EINVAL, "the variable '%s' must be NAME=VALUE", variable);
    if (strcmp(row->fields[ENVIRONMENT_AGENT], search->name) != 0)
        return 0;
    return environment_set(search->list, variable) < 0 ? error_set(err, ENOMEM, "keep a variable")
                                                       : 0;
}

int agents_environment(const char *path, const char *name, struct string_list *list,
                       struct error *err)
{
    struct variables_search search = {.name = name, .list = list};

    return table_file_read(path, ENVIRONMENT_COLUMNS, ENVIRONMENT_COLUMNS, match_variable, &search,
                           err);
}
