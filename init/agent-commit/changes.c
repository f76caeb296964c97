/* Reads git's machine-readable status and decides for each path. */
#include "init/agent-commit/changes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int path_list_add(struct path_list *list, const char *path)
{
    size_t size = strlen(path) + 1;
    if (list->size + size > list->capacity) {
        size_t capacity = (list->size + size) * 2;
        char *larger = realloc(list->text, capacity);
        if (larger == NULL)
            return -ENOMEM;
        list->text = larger;
        list->capacity = capacity;
    }
    memcpy(list->text + list->size, path, size);
    list->size += size;
    list->count++;
    return 0;
}

/* The text after the first COUNT blanks; NULL when there are fewer. */
static const char *skip_fields(const char *line, unsigned int count)
{
    for (; count > 0; count--) {
        line = strchr(line, ' ');
        if (line == NULL)
            return NULL;
        line++;
    }
    return line;
}

struct entry {
    const char *path;
    bool is_deletion;
    bool is_repository; /* a submodule, or a repository nested in the work tree */
    bool is_conflict;
    bool is_unstaged; /* the work tree has what the index has not */
};

/*
 * "1 XY sub mH mI mW hH hI path", "u XY sub m1 m2 m3 mW h1 h2 h3 path", "? path"; "2" (renames) is
 * switched off.
 */
static int parse_entry(const char *line, struct entry *entry)
{
    *entry = (struct entry){.is_unstaged = true};
    size_t length = strlen(line);
    if (line[0] == '?' && line[1] == ' ') {
        entry->path = line + 2;
        entry->is_repository = line[length - 1] == '/';
    } else if ((line[0] == '1' || line[0] == 'u') && length > 5 && line[1] == ' ') {
        entry->path = skip_fields(line, line[0] == '1' ? 8 : 10);
        entry->is_deletion = line[0] == '1' && line[3] == 'D';
        entry->is_repository = line[5] == 'S';
        entry->is_conflict = line[0] == 'u';
        entry->is_unstaged = line[0] == 'u' || line[3] != '.';
    }
    return entry->path == NULL || entry->path[0] == '\0' ? -EPROTO : 0;
}

typedef int entry_function(const struct entry *entry, void *context);

/* Lines that begin with '#' are headers; which there are is a matter of configuration. */
static int for_each_entry(const char *status, size_t size, entry_function *function, void *context,
                          struct error *err)
{
    if (size > 0 && status[size - 1] != '\0')
        return error_set(err, EPROTO, "git's status ends in the middle of a line");
    for (const char *line = status; line < status + size; line += strlen(line) + 1) {
        struct entry entry;
        if (line[0] == '#' && line[1] == ' ')
            continue;
        if (parse_entry(line, &entry) < 0)
            return error_set(err, EPROTO, "git's status has the line '%.100s'", line);
        int result = function(&entry, context);
        if (result < 0)
            return error_set(err, -result, "list the changes");
    }
    return 0;
}

struct sorting {
    const struct credential_patterns *patterns;
    struct changes *changes;
};

static int sort_entry(const struct entry *entry, void *context)
{
    const struct sorting *sorting = context;
    struct changes *changes = sorting->changes;
    bool is_credential = sorting->patterns != NULL && !entry->is_deletion &&
                         credential_patterns_match(sorting->patterns, entry->path);
    bool stays = is_credential || entry->is_repository;
    int result = path_list_add(stays ? &changes->withheld : &changes->added, entry->path);
    if (result == 0 && entry->is_conflict)
        result = path_list_add(&changes->unresolved, entry->path);
    return result;
}

int changes_sort(const char *status, size_t size, const struct credential_patterns *patterns,
                 struct changes *changes, struct error *err)
{
    struct sorting sorting = {.patterns = patterns, .changes = changes};
    return for_each_entry(status, size, sort_entry, &sorting, err);
}

static int add_unstaged(const struct entry *entry, void *context)
{
    return entry->is_unstaged ? path_list_add(context, entry->path) : 0;
}

int changes_unstaged(const char *status, size_t size, struct path_list *unstaged, struct error *err)
{
    return for_each_entry(status, size, add_unstaged, unstaged, err);
}

void path_list_free(struct path_list *list)
{
    free(list->text);
    *list = (struct path_list){.text = NULL};
}

void changes_free(struct changes *changes)
{
    path_list_free(&changes->added);
    path_list_free(&changes->withheld);
    path_list_free(&changes->unresolved);
    path_list_free(&changes->unseen);
    *changes = (struct changes){.staged = 0};
}
