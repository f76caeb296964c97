/* Judges paths by the table of places. */
#include "lib/pack/pack_places.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/base/table_file.h"

struct loading {
    const char *agent;
    struct pack_places *places;
};

static bool is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; shape[i] != '\0'; i++) {
        bool fits = shape[i] == '-' ? text[i] == '-' : isxdigit((unsigned char)text[i]) != 0;
        if (!fits)
            return false;
    }
    return true;
}

/* PREFIX with something of an id behind it. */
static bool has_tag(const char *path, const char *prefix)
{
    for (const char *at = strstr(path, prefix); at != NULL; at = strstr(at + 1, prefix))
        if (isalnum((unsigned char)at[strlen(prefix)]))
            return true;
    return false;
}

bool pack_path_has_id(const char *path)
{
    if (has_tag(path, "session-") || has_tag(path, "run-"))
        return true;
    for (const char *at = path; *at != '\0'; at++)
        if (is_uuid(at))
            return true;
    return false;
}

/* One component of a path or pattern, up to its slash or end, into NAME; where the next one begins,
 * or NULL behind the last. */
static const char *next_component(const char *text, char name[NAME_MAX + 1])
{
    const char *slash = strchrnul(text, '/');
    snprintf(name, NAME_MAX + 1, "%.*s", (int)(slash - text), text);
    return *slash == '/' ? slash + 1 : NULL;
}

/* With IS_LEADING, PATH may end before PATTERN does. */
static bool matches(const char *pattern, const char *path, bool is_leading)
{
    char wanted[NAME_MAX + 1];
    char found[NAME_MAX + 1];
    while (pattern != NULL && *pattern != '\0' && path != NULL) {
        pattern = next_component(pattern, wanted);
        path = next_component(path, found);
        if (fnmatch(wanted, found, FNM_NOESCAPE | FNM_PERIOD) != 0)
            return false;
    }
    if (path != NULL) /* something is below: fine behind a pattern's last slash */
        return pattern != NULL;
    return pattern == NULL || is_leading;
}

const struct pack_place *pack_places_find(const struct pack_places *places, const char *path)
{
    for (size_t i = 0; i < places->count; i++) {
        const struct pack_place *place = &places->rows[i];
        if (matches(place->pattern, path, false) && (!place->is_unique || pack_path_has_id(path)))
            return place;
    }
    return NULL;
}

bool pack_places_have(const struct pack_places *places, const char *path)
{
    return pack_places_find(places, path) != NULL;
}

bool pack_places_lead(const struct pack_places *places, const char *path)
{
    for (size_t i = 0; i < places->count; i++)
        if (matches(places->rows[i].pattern, path, true))
            return true;
    return false;
}

/* A plain path, but for the slash that it may end with. */
static bool is_pattern(const char *text)
{
    char copy[PACK_PATTERN_SIZE];
    size_t length = strlen(text);
    if (length == 0 || length >= sizeof(copy))
        return false;
    memcpy(copy, text, length + 1);
    if (copy[length - 1] == '/')
        copy[length - 1] = '\0';
    return path_is_plain_relative(copy);
}

static int take_row(const struct table_file_row *row, void *context, struct error *err)
{
    const struct loading *loading = context;
    struct pack_places *places = loading->places;
    const char *kind = row->fields[1], *pattern = row->fields[2];
    bool is_unique = strcmp(kind, "unique") == 0;
    if (!is_unique && strcmp(kind, "rolling") != 0)
        return error_set(err, EINVAL, "'%.40s' is neither rolling nor unique", kind);
    if (!is_pattern(pattern))
        return error_set(err, EINVAL, "'%.100s' is no pattern of a path", pattern);
    if (strcmp(row->fields[0], loading->agent) != 0)
        return 0;
    if (places->count == PACK_PLACES_MAX)
        return error_set(err, EINVAL, "more than %d rows of %s", PACK_PLACES_MAX, loading->agent);
    struct pack_place *place = &places->rows[places->count++];
    place->is_unique = is_unique;
    memcpy(place->pattern, pattern, strlen(pattern) + 1);
    return 0;
}

int pack_places_load(const char *file, const char *agent, struct pack_places *places,
                     struct error *err)
{
    struct loading loading = {.agent = agent, .places = places};
    places->count = 0;
    return table_file_read(file, 3, 3, take_row, &loading, err);
}
