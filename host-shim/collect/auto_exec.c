/* Loads and matches the table of files that run code on the host. */
#include "host-shim/collect/auto_exec.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/table_file.h"

/* In the C locale, which these programs never leave, fnmatch compares bytes: odd encodings cannot
 * make it fail. */
#define MATCH_FLAGS (FNM_PATHNAME | FNM_NOESCAPE | FNM_CASEFOLD)

static int add_rule(const struct table_file_row *row, void *context, struct error *err)
{
    struct auto_exec_table *table = context;
    const char *pattern = row->fields[0];
    if (strstr(pattern, "//") != NULL || strcmp(pattern, "/") == 0 || strchr(pattern, '\\') != NULL)
        return error_set(err, EINVAL, "'%s' is not a pattern", pattern);
    struct auto_exec_rule *rules =
        realloc(table->rules, (table->count + 1) * sizeof(*table->rules));
    if (rules == NULL)
        return error_set(err, ENOMEM, "keep pattern '%s'", pattern);
    table->rules = rules;
    struct auto_exec_rule rule = {.pattern = strdup(pattern), .why = strdup(row->fields[1])};
    if (rule.pattern == NULL || rule.why == NULL) {
        free(rule.pattern);
        free(rule.why);
        return error_set(err, ENOMEM, "keep pattern '%s'", pattern);
    }
    table->rules[table->count++] = rule;
    return 0;
}

int auto_exec_load(const char *path, struct auto_exec_table *table, struct error *err)
{
    struct auto_exec_table loaded = {.rules = NULL, .count = 0};
    int result = table_file_read(path, 2, 2, add_rule, &loaded, err);
    if (result == 0 && loaded.count == 0)
        result = error_set(err, EINVAL, "%s: no rules", path);
    if (result < 0) {
        auto_exec_free(&loaded);
        return result;
    }
    *table = loaded;
    return 0;
}

void auto_exec_free(struct auto_exec_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++) {
        free(table->rules[i].pattern);
        free(table->rules[i].why);
    }
    free(table->rules);
    *table = (struct auto_exec_table){.rules = NULL, .count = 0};
}

/* The pattern against PATH and against each of its tails that begin after a '/'. */
static bool matches_tail(const char *pattern, const char *path)
{
    for (const char *at = path; at != NULL;) {
        if (fnmatch(pattern, at, MATCH_FLAGS) == 0)
            return true;
        at = strchr(at, '/');
        at = at == NULL ? NULL : at + 1;
    }
    return false;
}

/* One candidate path: PATH itself, or a directory above it. */
static bool matches_path(const char *pattern, const char *path)
{
    if (pattern[0] == '/')
        return fnmatch(pattern + 1, path, MATCH_FLAGS) == 0;
    return matches_tail(pattern, path);
}

static bool matches_directory(const char *pattern, const char *path)
{
    cleanup_free char *name = strdup(pattern);
    cleanup_free char *directory = strdup(path);
    /* Without memory the file is shown rather than hidden. */
    if (name == NULL || directory == NULL)
        return true;
    name[strlen(name) - 1] = '\0';
    for (char *slash = strrchr(directory, '/'); slash != NULL; slash = strrchr(directory, '/')) {
        *slash = '\0';
        if (matches_path(name, directory))
            return true;
    }
    return false;
}

static bool rule_matches(const struct auto_exec_rule *rule, const char *path)
{
    if (rule->pattern[strlen(rule->pattern) - 1] == '/')
        return matches_directory(rule->pattern, path);
    return matches_path(rule->pattern, path);
}

const char *auto_exec_match(const struct auto_exec_table *table, const char *path)
{
    for (size_t i = 0; i < table->count; i++) {
        if (rule_matches(&table->rules[i], path))
            return table->rules[i].why;
    }
    return NULL;
}

static long directory_depth(const char *path)
{
    long depth = 0;
    for (const char *at = path; *at != '\0'; at++)
        depth += *at == '/';
    return depth;
}

const char *auto_exec_link(const char *path, const char *target)
{
    static const char leads_out[] = "symbolic link that leads out of the tree";
    static const char into_git[] = "symbolic link into a .git directory";
    long depth = directory_depth(path);
    bool had_name = false;
    if (target[0] == '/')
        return leads_out;
    for (const char *at = target; *at != '\0';) {
        size_t length = strcspn(at, "/");
        bool is_up = length == 2 && memcmp(at, "..", 2) == 0;
        bool is_here = length == 0 || (length == 1 && at[0] == '.');
        if (is_up && (had_name || --depth < 0))
            return leads_out;
        if (length == 4 && strncasecmp(at, ".git", 4) == 0)
            return into_git;
        had_name = had_name || !(is_up || is_here);
        at += length;
        at += *at == '/';
    }
    return NULL;
}
