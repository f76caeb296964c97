/* Reads the difference between two commits and picks what would run code on the host. */
#include "host-shim/collect/changes.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define MODE_TYPE 0170000u
#define MODE_LINK 0120000u
#define MODE_SUBMODULE 0160000u
#define MODE_EXECUTABLE 0111u

/* The unread part of git's output: records that end in NUL. */
struct cursor {
    const char *at;
    size_t left;
};

/* The next NUL-terminated record, or NULL when the rest has no terminator. */
static const char *next_record(struct cursor *cursor)
{
    const char *record = cursor->at;
    const char *end = cursor->left == 0 ? NULL : memchr(record, '\0', cursor->left);
    if (end == NULL)
        return NULL;
    cursor->left -= (size_t)(end - record) + 1;
    cursor->at = end + 1;
    return record;
}

static int add_change(struct changes *changes, const struct change *change, size_t *capacity)
{
    if (changes->count == *capacity) {
        size_t larger = *capacity == 0 ? 64 : *capacity * 2;
        struct change *items = realloc(changes->items, larger * sizeof(*items));
        if (items == NULL)
            return -ENOMEM;
        changes->items = items;
        *capacity = larger;
    }
    changes->items[changes->count] = *change;
    changes->items[changes->count].path = strdup(change->path);
    if (changes->items[changes->count].path == NULL)
        return -ENOMEM;
    changes->count++;
    return 0;
}

/* ":100644 100755 OLD NEW M" and then the path. */
static int parse_raw(const char *record, struct cursor *cursor, struct changes *changes,
                     size_t *capacity)
{
    struct change change = {.status = '\0'};
    char old_object[GIT_OBJECT_SIZE];
    int used = 0;
    if (sscanf(record, ":%o %o %64[0-9a-f] %64[0-9a-f] %c%n", &change.old_mode, &change.new_mode,
               old_object, change.new_object, &change.status, &used) != 5 ||
        record[used] != '\0' || strchr("ADMT", change.status) == NULL)
        return -EPROTO;
    const char *path = next_record(cursor);
    if (path == NULL || path[0] == '\0')
        return -EPROTO;
    change.path = (char *)(uintptr_t)path;
    return add_change(changes, &change, capacity);
}

/* "12\t3\tpath", or "-\t-\tpath" for a binary file. */
static int parse_numstat(const char *record, struct changes *changes)
{
    unsigned long long added = 0;
    unsigned long long removed = 0;
    if (strncmp(record, "-\t-\t", 4) == 0) {
        changes->binary_files++;
        return 0;
    }
    int used = 0;
    if (sscanf(record, "%llu\t%llu\t%n", &added, &removed, &used) != 2 || used == 0)
        return -EPROTO;
    changes->added_lines += added;
    changes->removed_lines += removed;
    return 0;
}

int changes_parse(const char *output, size_t size, struct changes *changes, struct error *err)
{
    struct cursor cursor = {.at = output, .left = size};
    struct changes parsed = {.items = NULL, .count = 0};
    size_t capacity = 0;
    int result = 0;
    while (cursor.left > 0 && result == 0) {
        const char *record = next_record(&cursor);
        if (record == NULL)
            result = -EPROTO;
        else if (record[0] == ':')
            result = parse_raw(record, &cursor, &parsed, &capacity);
        else
            result = parse_numstat(record, &parsed);
    }
    if (result < 0) {
        changes_free(&parsed);
        return error_set(err, -result, "the list of changed files from git is not understood");
    }
    *changes = parsed;
    return 0;
}

int changes_read(const char *directory, const struct git_identity *identity, const char *from,
                 const char *to, struct changes *changes, struct error *err)
{
    /* clang-format off */
    const char *const arguments[] = {
        "diff-tree", "-r", "-z", "--raw", "--numstat", "--no-abbrev",
        "--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative", "--no-color",
        "--ignore-submodules=none", "--submodule=short",
        from, to, "--", NULL,
    };
    /* clang-format on */
    struct process_result result;
    int outcome = git_run_checked(directory, identity, arguments, CHANGES_LIST_BYTES, &result, err);
    if (outcome < 0)
        return error_prefix(err, "list the changed files");
    outcome = changes_parse(result.output, result.output_size, changes, err);
    process_result_free(&result);
    return outcome;
}

void changes_free(struct changes *changes)
{
    if (changes == NULL)
        return;
    for (size_t i = 0; i < changes->count; i++)
        free(changes->items[i].path);
    free(changes->items);
    *changes = (struct changes){.items = NULL, .count = 0};
}

static int add_finding(struct findings *findings, const char *path, const char *why)
{
    struct finding *items = realloc(findings->items, (findings->count + 1) * sizeof(*items));
    if (items == NULL)
        return -ENOMEM;
    items[findings->count++] = (struct finding){.path = path, .why = why};
    findings->items = items;
    return 0;
}

/* A target that cannot be read or is longer than a path is as suspect as one that leads out. */
static const char *examine_link(const char *directory, const struct git_identity *identity,
                                const struct change *change)
{
    const char *const arguments[] = {"cat-file", "blob", change->new_object, NULL};
    struct process_result result;
    if (git_run_checked(directory, identity, arguments, PATH_MAX, &result, NULL) < 0)
        return "symbolic link whose target cannot be read or is longer than a path";
    const char *why = strlen(result.output) != result.output_size
                          ? "symbolic link whose target contains a NUL byte"
                          : auto_exec_link(change->path, result.output);
    process_result_free(&result);
    return why;
}

static const char *why_of_kind(const char *directory, const struct git_identity *identity,
                               const struct change *change, size_t *links)
{
    unsigned int type = change->new_mode & MODE_TYPE;
    if (type == MODE_SUBMODULE)
        return "submodule: points at a commit of another repository";
    if (type == MODE_LINK) {
        if (++*links > CHANGES_LINKS_EXAMINED)
            return "symbolic link, one of too many to examine";
        return examine_link(directory, identity, change);
    }
    bool was_executable =
        (change->old_mode & MODE_TYPE) != MODE_LINK && (change->old_mode & MODE_EXECUTABLE) != 0;
    if ((change->new_mode & MODE_EXECUTABLE) != 0 && !was_executable)
        return change->status == 'A' ? "new executable file" : "turned executable";
    return NULL;
}

int findings_collect(const char *directory, const struct git_identity *identity,
                     const struct changes *changes, const struct auto_exec_table *table,
                     struct findings *findings)
{
    struct findings found = {.items = NULL, .count = 0};
    size_t links = 0;
    int result = 0;
    for (size_t i = 0; i < changes->count && result == 0; i++) {
        const struct change *change = &changes->items[i];
        if (change->status == 'D')
            continue;
        const char *why = auto_exec_match(table, change->path);
        if (why != NULL)
            result = add_finding(&found, change->path, why);
        why = why_of_kind(directory, identity, change, &links);
        if (why != NULL && result == 0)
            result = add_finding(&found, change->path, why);
    }
    if (result < 0) {
        findings_free(&found);
        return result;
    }
    *findings = found;
    return 0;
}

void findings_free(struct findings *findings)
{
    if (findings == NULL)
        return;
    free(findings->items);
    *findings = (struct findings){.items = NULL, .count = 0};
}
