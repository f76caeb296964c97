/* Policy files as JSON, and where in the text a value stands: jansson keeps the order of members,
 * not their lines. */
#include "lib/policy/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fd.h"
#include "lib/policy/limits.h"

#define KEY_PATH_SIZE 256

/* A key may hold anything, and errors end on terminals. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

int document_read(const char *path, struct document *document, struct error *err)
{
    json_error_t reason;
    int result;

    document->path = strdup(path);
    if (document->path == NULL)
        return error_set(err, ENOMEM, "%s", path);
    result =
        fd_read_file(AT_FDCWD, path, POLICY_FILE_BYTES_MAX, &document->text, &document->size, err);
    if (result < 0)
        return result;
    document->root = json_loadb(document->text, document->size, JSON_REJECT_DUPLICATES, &reason);
    if (document->root != NULL)
        return 0;
    make_printable(reason.text);
    return error_set(err, EPROTO, "%s:%d: %s", path, reason.line > 0 ? reason.line : 1,
                     reason.text);
}

void document_release(struct document *document)
{
    json_decref(document->root);
    free(document->text);
    free(document->path);
    *document = (struct document){0};
}

/* The text was parsed already, so that what follows need not look for mistakes in it. */
static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at)
{
    for (at++; *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at + 1;
}

static const char *skip_value(const char *at)
{
    size_t depth = 0;

    do {
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (depth == 0) {
            return at + strcspn(at, ",]} \t\r\n");
        } else {
            at++;
        }
    } while (depth > 0);
    return at;
}

static const char *skip_key(const char *at)
{
    return skip_blanks(skip_blanks(skip_string(at)) + 1);
}

/* Where the value at PLACE begins, or its key. */
static const char *find_start(const struct place *place, bool of_key)
{
    const char *at;

    if (place->parent == NULL)
        return skip_blanks(place->document->text);
    at = skip_blanks(find_start(place->parent, false) + 1);
    for (size_t i = 0; i < place->index; i++) {
        at = skip_blanks(skip_value(place->key != NULL ? skip_key(at) : at));
        at = skip_blanks(at + 1);
    }
    return place->key != NULL && !of_key ? skip_key(at) : at;
}

unsigned int place_line(const struct place *place)
{
    const char *start = find_start(place, true);
    unsigned int line = 1;

    for (const char *at = place->document->text; at < start; at++)
        line += *at == '\n';
    return line;
}

static void format_key(const struct place *place, char text[KEY_PATH_SIZE])
{
    char outer[KEY_PATH_SIZE] = "";

    if (place->parent == NULL) {
        text[0] = '\0';
        return;
    }
    format_key(place->parent, outer);
    if (place->key == NULL)
        snprintf(text, KEY_PATH_SIZE, "%.200s[%zu]", outer, place->index);
    else
        snprintf(text, KEY_PATH_SIZE, "%.150s%s%.100s", outer, outer[0] != '\0' ? "." : "",
                 place->key);
}

int place_refuse(const struct place *place, struct error *err, const char *format, ...)
{
    char key[KEY_PATH_SIZE];
    char why[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    format_key(place, key);
    make_printable(key);
    return error_set(err, EPROTO, "%s:%u: %s%s%s", place->document->path, place_line(place), key,
                     key[0] != '\0' ? ": " : "", why);
}

static const struct place_field *find_field(const struct place_field *fields, const char *key)
{
    for (; fields->key != NULL; fields++)
        if (strcmp(fields->key, key) == 0)
            return fields;
    return NULL;
}

static int refuse_key(const struct place *member, const struct place_field *fields,
                      struct error *err)
{
    char known[256] = "";
    size_t used = 0;

    for (const struct place_field *field = fields; field->key != NULL && used < sizeof(known);
         field++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
                                 field == fields ? "" : ", ", field->key);
    return place_refuse(member, err, "is not a known key; known here are %s", known);
}

static int check_required(const struct place *place, const struct place_field *fields,
                          struct error *err)
{
    for (; fields->key != NULL; fields++)
        if (fields->is_required && json_object_get(place->value, fields->key) == NULL)
            return place_refuse(place, err, "lacks \"%s\"", fields->key);
    return 0;
}

int place_read_object(const struct place *place, const struct place_field *fields, void *target,
                      struct error *err)
{
    const char *key;
    json_t *value;
    size_t index = 0;

    if (!json_is_object(place->value))
        return place_refuse(place, err, "must be an object");
    json_object_foreach(place->value, key, value)
    {
        const struct place_field *field = find_field(fields, key);
        const struct place member = {place->loading, place->document, place, key, index++, value};
        int result = field == NULL ? refuse_key(&member, fields, err)
                                   : field->read(&member, (char *)target + field->offset, err);

        if (result < 0)
            return result;
    }
    return check_required(place, fields, err);
}

int place_read_each(const struct place *place, place_reader *read, void *target, struct error *err)
{
    const char *key;
    json_t *value;
    size_t index = 0;
    int result = 0;

    if (json_is_array(place->value)) {
        json_array_foreach(place->value, index, value)
        {
            const struct place entry = {place->loading, place->document, place, NULL, index, value};

            result = read(&entry, target, err);
            if (result < 0)
                return result;
        }
        return 0;
    }
    json_object_foreach(place->value, key, value)
    {
        const struct place member = {place->loading, place->document, place, key, index++, value};

        result = read(&member, target, err);
        if (result < 0)
            return result;
    }
    return 0;
}

bool place_find(const struct place *place, const char *key, struct place *member)
{
    const char *name;
    json_t *value;
    size_t index = 0;

    json_object_foreach(place->value, name, value)
    {
        if (strcmp(name, key) == 0) {
            *member = (struct place){place->loading, place->document, place, name, index, value};
            return true;
        }
        index++;
    }
    return false;
}

int place_read_text(const struct place *place, size_t limit, const char **text, struct error *err)
{
    const char *value = json_string_value(place->value);

    if (value == NULL)
        return place_refuse(place, err, "must be a string");
    if (value[0] == '\0')
        return place_refuse(place, err, "is empty");
    if (strlen(value) > limit)
        return place_refuse(place, err, "is longer than %zu bytes", limit);
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return place_refuse(place, err, "holds a control character");
    *text = value;
    return 0;
}

int place_read_number(const struct place *place, json_int_t limit, json_int_t *number,
                      struct error *err)
{
    json_int_t value = json_integer_value(place->value);

    if (!json_is_integer(place->value) || value < 0 || value > limit)
        return place_refuse(place, err, "must be an integer from 0 to %" JSON_INTEGER_FORMAT,
                            limit);
    *number = value;
    return 0;
}

int place_read_name(const struct place *place, const char *const *names, size_t count,
                    size_t *index, struct error *err)
{
    char known[256] = "";
    const char *text = json_string_value(place->value);

    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(known);

        if (names[i] == NULL)
            continue;
        if (text != NULL && strcmp(names[i], text) == 0) {
            *index = i;
            return 0;
        }
        snprintf(known + used, sizeof(known) - used, "%s\"%s\"", used > 0 ? ", " : "", names[i]);
    }
    return place_refuse(place, err, "must be one of %s", known);
}
