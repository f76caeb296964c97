/* Finds sessions: all of them newest first, or the one a person means. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/session.h"

struct state_array {
    struct session_state **states;
    size_t count;
    size_t capacity;
};

static void release(struct state_array *array)
{
    for (size_t i = 0; i < array->count; i++)
        session_state_free(array->states[i]);
    free(array->states);
}

static int append(struct state_array *array, struct session_state *state)
{
    if (array->count == array->capacity) {
        size_t capacity = array->capacity == 0 ? 16 : array->capacity * 2;
        struct session_state **grown =
            reallocarray(array->states, capacity, sizeof(struct session_state *));
        if (grown == NULL)
            return -ENOMEM;
        array->states = grown;
        array->capacity = capacity;
    }
    array->states[array->count++] = state;
    return 0;
}

/* RFC 3339 times of one zone and one precision sort as text. */
static int compare_newest_first(const void *left, const void *right)
{
    const struct session_state *const *a = left;
    const struct session_state *const *b = right;
    int order = strcmp((*b)->created_at, (*a)->created_at);
    return order != 0 ? order : strcmp((*a)->session, (*b)->session);
}

static int collect(DIR *directory, struct state_array *array)
{
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        struct session_state *state = NULL;
        /* One that is being made or removed right now has no readable state: it is left out. */
        if (!manifest_is_session_id(entry->d_name) ||
            session_state_load(entry->d_name, &state, NULL) < 0)
            continue;
        if (append(array, state) < 0) {
            session_state_free(state);
            return -ENOMEM;
        }
    }
    return 0;
}

int session_state_list(struct session_state ***states, size_t *count, struct error *err)
{
    char root[PATH_MAX];
    char path[PATH_MAX];
    struct state_array array = {0};
    int result = session_state_root(root, err);
    if (result == 0 && path_format(path, "%s/sessions", root) < 0)
        result = error_set(err, ENAMETOOLONG, "the state directory");
    if (result < 0)
        return result;
    cleanup_directory DIR *directory = opendir(path);
    if (directory == NULL && errno != ENOENT)
        return error_set(err, errno, "open '%s'", path);
    if (directory != NULL && collect(directory, &array) < 0) {
        release(&array);
        return error_set(err, ENOMEM, "list the sessions");
    }
    if (array.count > 0)
        qsort(array.states, array.count, sizeof(struct session_state *), compare_newest_first);
    *states = array.states;
    *count = array.count;
    return 0;
}

/* ERR has a whole sentence, and keeps it without the text of NUMBER. */
static int refuse(int number, struct error *err)
{
    if (err != NULL)
        err->number = number;
    return -number;
}

static int find_by_name(const char *name, struct session_state **state, struct error *err)
{
    struct state_array array = {0};
    struct session_state *found = NULL;
    size_t matches = 0;
    int result = session_state_list(&array.states, &array.count, err);
    if (result < 0)
        return result;
    for (size_t i = 0; i < array.count; i++) {
        if (strcmp(array.states[i]->name, name) != 0)
            continue;
        matches++;
        if (matches == 1)
            found = steal_pointer(&array.states[i]);
    }
    release(&array);
    if (matches == 1) {
        *state = found;
        return 0;
    }
    session_state_free(found);
    if (matches == 0) {
        error_set(err, EINVAL, "no session is called '%.64s'; 'coding-agents list' shows them",
                  name);
        return refuse(ENOENT, err);
    }
    error_set(err, EINVAL,
              "more than one session is called '%.64s': name the one you mean by its id, which "
              "'coding-agents list' shows",
              name);
    return refuse(EEXIST, err);
}

int session_find(const char *text, struct session_state **state, struct error *err)
{
    if (manifest_is_session_id(text)) {
        int result = session_state_load(text, state, err);
        if (result != -ENOENT)
            return result;
    }
    /* Eight letters may be a name as well. */
    return find_by_name(text, state, err);
}
