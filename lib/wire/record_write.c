/* Writes records: structures into JSON objects; and releases what a record owns. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/record.h"
#include "lib/wire/record_text.h"

/* Sets the field in OBJECT from SOURCE; BASE holds the counts of lists. 0 or -errno. */
typedef int write_function(const struct record_field *field, const void *source, const void *base,
                           json_t *object);

static json_t *write_fields(const struct record_field *fields, const void *base);

static const void *at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static int set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? 0 : -ENOMEM;
}

static int write_text(const struct record_field *field, const void *source, const void *base,
                      json_t *object)
{
    (void)base;
    const char *const *text = source;
    return record_set_text(object, field->key, *text != NULL ? *text : "");
}

static int write_text_inline(const struct record_field *field, const void *source, const void *base,
                             json_t *object)
{
    (void)base;
    return record_set_text(object, field->key, source);
}

/* One element that is not UTF-8 puts the whole list into base64. */
static int write_text_list(const struct record_field *field, const void *source, const void *base,
                           json_t *object)
{
    (void)base;
    static const char *const none[] = {NULL};
    const char *const *const *list = source;
    const char *const *texts = *list != NULL ? *list : none;
    char twin[RECORD_KEY_SIZE];
    json_t *plain = json_array();
    size_t i = 0;
    while (texts[i] != NULL && json_array_append_new(plain, json_string(texts[i])) == 0)
        i++;
    if (texts[i] == NULL)
        return set(object, field->key, plain);
    json_decref(plain);
    json_t *encoded = json_array();
    int result = 0;
    for (i = 0; texts[i] != NULL && result == 0; i++)
        result = json_array_append_new(encoded, record_encode(texts[i]));
    record_twin_key(field->key, twin);
    return set(object, twin, encoded) < 0 || result != 0 ? -ENOMEM : 0;
}

static int write_bool(const struct record_field *field, const void *source, const void *base,
                      json_t *object)
{
    (void)base;
    const bool *value = source;
    return set(object, field->key, json_boolean(*value));
}

static int write_uint32(const struct record_field *field, const void *source, const void *base,
                        json_t *object)
{
    (void)base;
    const uint32_t *value = source;
    return set(object, field->key, json_integer(*value));
}

static int write_int(const struct record_field *field, const void *source, const void *base,
                     json_t *object)
{
    (void)base;
    const int *value = source;
    return set(object, field->key, json_integer(*value));
}

static int write_enum(const struct record_field *field, const void *source, const void *base,
                      json_t *object)
{
    (void)base;
    unsigned int value = 0;
    memcpy(&value, source, sizeof(value));
    for (unsigned int i = 0; field->names[i] != NULL; i++)
        if (i == value)
            return set(object, field->key, json_string(field->names[i]));
    return -EINVAL;
}

static int write_uint32_list(const struct record_field *field, const void *source, const void *base,
                             json_t *object)
{
    const uint32_t *values = source;
    const size_t *count = at(base, field->count_offset);
    if (*count > field->limit)
        return -EINVAL;
    json_t *list = json_array();
    int result = 0;
    for (size_t i = 0; i < *count && result == 0; i++)
        result = json_array_append_new(list, json_integer(values[i]));
    return set(object, field->key, list) < 0 || result != 0 ? -ENOMEM : 0;
}

static int write_object(const struct record_field *field, const void *source, const void *base,
                        json_t *object)
{
    (void)base;
    return set(object, field->key, write_fields(field->fields, source));
}

static int write_object_list(const struct record_field *field, const void *source, const void *base,
                             json_t *object)
{
    const void *const *elements = source;
    const size_t *count = at(base, field->count_offset);
    json_t *list = json_array();
    int result = 0;
    for (size_t i = 0; i < *count && result == 0; i++)
        result = json_array_append_new(list,
                                       write_fields(field->fields, at(*elements, i * field->size)));
    return set(object, field->key, list) < 0 || result != 0 ? -ENOMEM : 0;
}

/* clang-format off */
static write_function *const writers[] = {
    [RECORD_TEXT]        = write_text,
    [RECORD_TEXT_INLINE] = write_text_inline,
    [RECORD_TEXT_LIST]   = write_text_list,
    [RECORD_BOOL]        = write_bool,
    [RECORD_UINT32]      = write_uint32,
    [RECORD_INT]         = write_int,
    [RECORD_ENUM]        = write_enum,
    [RECORD_UINT32_LIST] = write_uint32_list,
    [RECORD_OBJECT]      = write_object,
    [RECORD_OBJECT_LIST] = write_object_list,
};
/* clang-format on */

/* NULL when a field could not be written: jansson turns that into a failed set in the object above.
 */
static json_t *write_fields(const struct record_field *fields, const void *base)
{
    json_t *object = json_object();
    for (const struct record_field *field = fields; object != NULL && field->key != NULL; field++) {
        if (writers[field->type](field, at(base, field->offset), base, object) < 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

int record_write(const struct record_field *fields, const void *base, json_t **object,
                 struct error *err)
{
    *object = write_fields(fields, base);
    return *object != NULL
               ? 0
               : error_set(err, EINVAL, "a value is out of its range, or memory ran out");
}

static void release_texts(char **texts)
{
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
        free(texts[i]);
    free(texts);
}

static void release_field(const struct record_field *field, void *base)
{
    void *target = (char *)base + field->offset;
    if (field->type == RECORD_OBJECT) {
        record_release(field->fields, target);
        return;
    }
    if (field->type != RECORD_TEXT && field->type != RECORD_TEXT_LIST &&
        field->type != RECORD_OBJECT_LIST)
        return;
    void **owned = target;
    if (field->type == RECORD_TEXT_LIST) {
        release_texts(*owned);
    } else {
        if (field->type == RECORD_OBJECT_LIST && *owned != NULL) {
            size_t *count = (void *)((char *)base + field->count_offset);
            for (size_t i = 0; i < *count; i++)
                record_release(field->fields, (char *)*owned + i * field->size);
            *count = 0;
        }
        free(*owned);
    }
    *owned = NULL;
}

void record_release(const struct record_field *fields, void *base)
{
    for (const struct record_field *field = fields; field->key != NULL; field++)
        release_field(field, base);
}
