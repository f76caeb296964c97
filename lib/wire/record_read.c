/* Reads records: JSON objects into structures, strictly, naming the path of the key that is wrong.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/record.h"
#include "lib/wire/record_text.h"

/* Where in the document we are, for messages. */
struct place {
    char text[200];
};

struct reading {
    const struct record_field *field;
    const json_t *value; /* borrowed */
    bool is_encoded;     /* the value came from the base64 twin */
    void *target;
    void *base;
    const struct place *place;
};

typedef int read_function(const struct reading *reading, struct error *err);

static int read_fields(const struct record_field *fields, const json_t *object, void *base,
                       const struct place *place, struct error *err);

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static int refuse(const struct place *place, const char *reason, struct error *err)
{
    return error_set(err, EPROTO, "%s %s", place->text[0] != '\0' ? place->text : "the document",
                     reason);
}

static int decode(const struct reading *reading, const json_t *value, const struct place *place,
                  char **text, struct error *err)
{
    const struct record_field *field = reading->field;
    size_t limit = field->size != 0 ? field->size : RECORD_TEXT_MAX;
    const char *reason = NULL;
    cleanup_free char *decoded = NULL;
    if (record_decode(value, reading->is_encoded, limit, &decoded, &reason) < 0)
        return refuse(place, reason, err);
    if (field->check != NULL && (reason = field->check(decoded)) != NULL)
        return refuse(place, reason, err);
    *text = steal_pointer(&decoded);
    return 0;
}

static int read_text(const struct reading *reading, struct error *err)
{
    char **target = reading->target;
    return decode(reading, reading->value, reading->place, target, err);
}

static int read_text_inline(const struct reading *reading, struct error *err)
{
    cleanup_free char *text = NULL;
    int result = decode(reading, reading->value, reading->place, &text, err);
    if (result < 0)
        return result;
    if (strlen(text) >= reading->field->size)
        return refuse(reading->place, "is too long", err);
    memcpy(reading->target, text, strlen(text) + 1);
    return 0;
}

static struct place place_of_entry(const struct place *list, size_t index)
{
    struct place place;
    snprintf(place.text, sizeof(place.text), "%.170s[%zu]", list->text, index);
    return place;
}

/* The length of the array, checked against the field's limit. */
static int check_array(const struct reading *reading, size_t *count, struct error *err)
{
    if (!json_is_array(reading->value))
        return refuse(reading->place, "must be an array", err);
    *count = json_array_size(reading->value);
    if (*count > reading->field->limit)
        return refuse(reading->place, "has too many entries", err);
    return 0;
}

static int read_text_list(const struct reading *reading, struct error *err)
{
    char ***target = reading->target;
    size_t count = 0;
    int result = check_array(reading, &count, err);
    if (result < 0)
        return result;
    *target = calloc(count + 1, sizeof(**target));
    if (*target == NULL)
        return error_set(err, ENOMEM, "%s", reading->place->text);
    for (size_t i = 0; i < count; i++) {
        struct place place = place_of_entry(reading->place, i);
        result = decode(reading, json_array_get(reading->value, i), &place, &(*target)[i], err);
        if (result < 0)
            return result;
    }
    return 0;
}

static int read_bool(const struct reading *reading, struct error *err)
{
    bool *target = reading->target;
    if (!json_is_boolean(reading->value))
        return refuse(reading->place, "must be true or false", err);
    *target = json_is_true(reading->value);
    return 0;
}

/* UINT32_MAX is excluded: as a uid or gid it means "unchanged" to the kernel. */
static int read_number(const json_t *value, const struct place *place, uint32_t *number,
                       struct error *err)
{
    if (!json_is_integer(value))
        return refuse(place, "must be an integer", err);
    json_int_t integer = json_integer_value(value);
    if (integer < 0 || integer >= (json_int_t)UINT32_MAX)
        return refuse(place, "is out of range", err);
    *number = (uint32_t)integer;
    return 0;
}

static int read_uint32(const struct reading *reading, struct error *err)
{
    return read_number(reading->value, reading->place, reading->target, err);
}

static int read_int(const struct reading *reading, struct error *err)
{
    int *target = reading->target;
    if (!json_is_integer(reading->value))
        return refuse(reading->place, "must be an integer", err);
    json_int_t integer = json_integer_value(reading->value);
    if (integer < INT32_MIN || integer > INT32_MAX)
        return refuse(reading->place, "is out of range", err);
    *target = (int)integer;
    return 0;
}

static int read_enum(const struct reading *reading, struct error *err)
{
    const char *name = json_string_value(reading->value);
    for (unsigned int i = 0; name != NULL && reading->field->names[i] != NULL; i++) {
        if (strcmp(name, reading->field->names[i]) == 0) {
            memcpy(reading->target, &i, sizeof(i));
            return 0;
        }
    }
    return refuse(reading->place, "is not one of the known values", err);
}

static int read_uint32_list(const struct reading *reading, struct error *err)
{
    uint32_t *target = reading->target;
    size_t *count = at(reading->base, reading->field->count_offset);
    size_t length = 0;
    int result = check_array(reading, &length, err);
    for (size_t i = 0; result == 0 && i < length; i++) {
        struct place place = place_of_entry(reading->place, i);
        result = read_number(json_array_get(reading->value, i), &place, &target[i], err);
    }
    if (result == 0)
        *count = length;
    return result;
}

static int read_object(const struct reading *reading, struct error *err)
{
    return read_fields(reading->field->fields, reading->value, reading->target, reading->place,
                       err);
}

static int read_object_list(const struct reading *reading, struct error *err)
{
    void **target = reading->target;
    size_t *count = at(reading->base, reading->field->count_offset);
    size_t length = 0;
    int result = check_array(reading, &length, err);
    if (result < 0)
        return result;
    *target = calloc(length + 1, reading->field->size);
    if (*target == NULL)
        return error_set(err, ENOMEM, "%s", reading->place->text);
    /* Set first, so that what was read before a failure is released. */
    *count = length;
    for (size_t i = 0; result == 0 && i < length; i++) {
        struct place place = place_of_entry(reading->place, i);
        result = read_fields(reading->field->fields, json_array_get(reading->value, i),
                             at(*target, i * reading->field->size), &place, err);
    }
    return result;
}

/* clang-format off */
static read_function *const readers[] = {
    [RECORD_TEXT]        = read_text,
    [RECORD_TEXT_INLINE] = read_text_inline,
    [RECORD_TEXT_LIST]   = read_text_list,
    [RECORD_BOOL]        = read_bool,
    [RECORD_UINT32]      = read_uint32,
    [RECORD_INT]         = read_int,
    [RECORD_ENUM]        = read_enum,
    [RECORD_UINT32_LIST] = read_uint32_list,
    [RECORD_OBJECT]      = read_object,
    [RECORD_OBJECT_LIST] = read_object_list,
};
/* clang-format on */

static bool has_twin(enum record_type type)
{
    return type == RECORD_TEXT || type == RECORD_TEXT_INLINE || type == RECORD_TEXT_LIST;
}

static struct place place_of_key(const struct place *outer, const char *key)
{
    struct place place;
    snprintf(place.text, sizeof(place.text), "%.120s%s%.60s", outer->text,
             outer->text[0] != '\0' ? "." : "", key);
    return place;
}

static bool is_known(const struct record_field *fields, const char *key)
{
    for (const struct record_field *field = fields; field->key != NULL; field++) {
        char twin[RECORD_KEY_SIZE];
        record_twin_key(field->key, twin);
        if (strcmp(field->key, key) == 0 || (has_twin(field->type) && strcmp(twin, key) == 0))
            return true;
    }
    return false;
}

static int read_field(const struct record_field *field, const json_t *object, void *base,
                      const struct place *outer, struct error *err)
{
    char twin[RECORD_KEY_SIZE];
    struct place place = place_of_key(outer, field->key);
    record_twin_key(field->key, twin);
    const json_t *plain = json_object_get(object, field->key);
    const json_t *encoded = has_twin(field->type) ? json_object_get(object, twin) : NULL;
    if (plain == NULL && encoded == NULL)
        return field->is_optional ? 0 : refuse(&place, "is missing", err);
    if (plain != NULL && encoded != NULL)
        return refuse(&place, "is given twice, as text and in base64", err);
    struct reading reading = {
        .field = field,
        .value = plain != NULL ? plain : encoded,
        .is_encoded = plain == NULL,
        .target = at(base, field->offset),
        .base = base,
        .place = &place,
    };
    return readers[field->type](&reading, err);
}

static int read_fields(const struct record_field *fields, const json_t *object, void *base,
                       const struct place *place, struct error *err)
{
    if (!json_is_object(object))
        return refuse(place, "must be an object", err);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        struct place unknown = place_of_key(place, key);
        if (!is_known(fields, key))
            return refuse(&unknown, "is not a known key", err);
    }
    for (const struct record_field *field = fields; field->key != NULL; field++) {
        int result = read_field(field, object, base, place, err);
        if (result < 0)
            return result;
    }
    return 0;
}

int record_read(const struct record_field *fields, const json_t *object, void *base,
                struct error *err)
{
    const struct place top = {.text = ""};
    return read_fields(fields, object, base, &top, err);
}
