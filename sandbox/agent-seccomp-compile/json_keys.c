/* Strictness about JSON objects in one place. */
#include "sandbox/agent-seccomp-compile/json_keys.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_known(const char *key, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        if (strcmp(*keys, key) == 0)
            return true;
    }
    return false;
}

int json_keys_check(const json_t *json, const char *const *keys, struct error *err)
{
    /* jansson's iterators take a non-const object and do not change it. */
    union {
        const json_t *borrowed;
        json_t *object;
    } view = {.borrowed = json};

    if (!json_is_object(json))
        return error_set(err, EINVAL, "an object is expected");
    for (void *at = json_object_iter(view.object); at != NULL;
         at = json_object_iter_next(view.object, at)) {
        if (!is_known(json_object_iter_key(at), keys))
            return error_set(err, EINVAL, "unknown key '%s'", json_object_iter_key(at));
    }
    return 0;
}

const char *json_keys_text(const json_t *json, const char *key, struct error *err)
{
    const char *text = json_string_value(json_object_get(json, key));

    if (text == NULL || text[0] == '\0') {
        error_set(err, EINVAL, "'%s' must be a text", key);
        return NULL;
    }
    return text;
}
