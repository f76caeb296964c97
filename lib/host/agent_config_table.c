/* Reads policies/agent-config.tab, and matches paths against its patterns. */
#include "lib/host/agent_config_table.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/table_file.h"

#define BLANKS " \t"

struct search {
    const char *agent;
    struct agent_config_table *table;
};

static void add_words(struct string_list *list, const char *text)
{
    for (size_t length; *(text += strspn(text, BLANKS)) != '\0'; text += length) {
        length = strcspn(text, BLANKS);
        string_list_format(list, "%.*s", (int)length, text);
    }
}

static int take_row(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    struct agent_config_table *table = search->table;
    const struct {
        const char *what;
        struct string_list *list;
        bool is_words;
    } kinds[] = {
        {"file", &table->files, false},         {"untrusted", &table->untrusted, true},
        {"unasked", &table->unasked, true},     {"trusted", &table->trusted, true},
        {"variable", &table->variables, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(row->fields[1], kinds[i].what) != 0)
            continue;
        if (strcmp(row->fields[0], search->agent) != 0)
            return 0;
        if (kinds[i].is_words)
            add_words(kinds[i].list, row->fields[2]);
        else
            string_list_add(kinds[i].list, row->fields[2]);
        return kinds[i].list->has_failed ? error_set(err, ENOMEM, "keep the row") : 0;
    }
    return error_set(err, EINVAL, "'%s' is none of file, untrusted, unasked, trusted and variable",
                     row->fields[1]);
}

int agent_config_table_read(const char *path, const char *agent, struct agent_config_table *table,
                            struct error *err)
{
    struct search search = {.agent = agent, .table = table};
    *table = (struct agent_config_table){.files = {.items = NULL}};
    return table_file_read(path, 3, 3, take_row, &search, err);
}

void agent_config_table_free(struct agent_config_table *table)
{
    string_list_free(&table->files);
    string_list_free(&table->untrusted);
    string_list_free(&table->unasked);
    string_list_free(&table->trusted);
    string_list_free(&table->variables);
}

static const char *next_tail(const char *path)
{
    const char *slash = strchr(path, '/');
    return slash == NULL ? NULL : slash + 1;
}

static bool fits(const char *pattern, const char *tail)
{
    size_t length = strlen(pattern);
    return pattern[length - 1] == '/' ? strncmp(tail, pattern, length) == 0
                                      : strcmp(tail, pattern) == 0;
}

bool agent_config_table_has(const struct agent_config_table *table, const char *path)
{
    for (const char *tail = path; tail != NULL; tail = next_tail(tail))
        for (size_t i = 0; i < table->files.count; i++)
            if (fits(table->files.items[i], tail))
                return true;
    return false;
}

bool agent_config_table_is_unasked(const struct agent_config_table *table, char *const *arguments)
{
    for (; *arguments != NULL; arguments++)
        for (size_t i = 0; i < table->unasked.count; i++)
            if (fnmatch(table->unasked.items[i], *arguments, FNM_NOESCAPE) == 0)
                return true;
    return false;
}

bool agent_config_table_leads(const struct agent_config_table *table, const char *path)
{
    for (const char *tail = path; tail != NULL; tail = next_tail(tail)) {
        size_t length = strlen(tail);
        for (size_t i = 0; i < table->files.count; i++)
            if (strncmp(table->files.items[i], tail, length) == 0 &&
                table->files.items[i][length] == '/')
                return true;
    }
    return false;
}
