/* Whole documents: one JSON object with a version, in one canonical rendering. */
#include "lib/wire/record.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int record_parse(const char *text, size_t size, int version, json_t **object, struct error *err)
{
    json_error_t reason;
    json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason);
    if (document == NULL)
        return error_set(err, EPROTO, "not JSON, line %d: %s", reason.line, reason.text);
    const json_t *found = json_object_get(document, "version");
    if (!json_is_integer(found)) {
        json_decref(document);
        return error_set(err, EPROTO, "version is missing or no integer");
    }
    json_int_t number = json_integer_value(found);
    if (number != version) {
        json_decref(document);
        return error_set(err, EPROTO, "version %lld is not the one known here, %d",
                         (long long)number, version);
    }
    json_object_del(document, "version");
    *object = document;
    return 0;
}

int record_render(json_t *object, int version, char **text, size_t *size, struct error *err)
{
    int result = json_object_set_new(object, "version", json_integer(version));
    char *rendered = result == 0 ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(object);
    if (rendered == NULL)
        return error_set(err, ENOMEM, "render JSON");
    size_t length = strlen(rendered);
    char *line = realloc(rendered, length + 2);
    if (line == NULL) {
        free(rendered);
        return error_set(err, ENOMEM, "render JSON");
    }
    memcpy(line + length, "\n", 2);
    *text = line;
    *size = length + 1;
    return 0;
}
