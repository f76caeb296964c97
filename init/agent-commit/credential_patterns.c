/* Matches paths against the credential patterns, case apart: fnmatch(3). */
#include "init/agent-commit/credential_patterns.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/table_file.h"

static int add_row(const struct table_file_row *row, void *context, struct error *err)
{
    struct credential_patterns *patterns = context;
    bool leaves_out = strcmp(row->fields[0], "leave-out") == 0;
    if (!leaves_out && strcmp(row->fields[0], "allow") != 0)
        return error_set(err, EINVAL, "'%s' is neither leave-out nor allow", row->fields[0]);
    if (patterns->count == CREDENTIAL_PATTERNS_MAX)
        return error_set(err, EINVAL, "more than %d patterns", CREDENTIAL_PATTERNS_MAX);
    char *pattern = strdup(row->fields[1]);
    if (pattern == NULL)
        return error_set(err, ENOMEM, "read the pattern '%s'", row->fields[1]);
    patterns->rows[patterns->count++] =
        (struct credential_pattern){.leaves_out = leaves_out, .pattern = pattern};
    return 0;
}

int credential_patterns_load(const char *path, struct credential_patterns *patterns,
                             struct error *err)
{
    patterns->count = 0;
    return table_file_read(path, 3, 3, add_row, patterns, err);
}

void credential_patterns_free(struct credential_patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        free(patterns->rows[i].pattern);
    patterns->count = 0;
}

static size_t count_slashes(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '/' ? 1 : 0;
    return count;
}

/* The last COUNT + 1 components of PATH; NULL when it has fewer. */
static const char *last_components(const char *path, size_t count)
{
    const char *at = path + strlen(path);
    for (;;) {
        while (at > path && at[-1] != '/')
            at--;
        if (count == 0)
            return at;
        if (at == path)
            return NULL;
        at--;
        count--;
    }
}

bool credential_patterns_match(const struct credential_patterns *patterns, const char *path)
{
    bool is_credential = false;
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->rows[i].pattern;
        const char *tail = last_components(path, count_slashes(pattern));
        if (tail != NULL && fnmatch(pattern, tail, FNM_PATHNAME | FNM_CASEFOLD) == 0)
            is_credential = patterns->rows[i].leaves_out;
    }
    return is_credential;
}
