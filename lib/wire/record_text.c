/* Carries bytes of any kind in JSON texts, with a base64 twin key for what is not UTF-8. */
#include "lib/wire/record_text.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/record.h"

void record_twin_key(const char *key, char twin[RECORD_KEY_SIZE])
{
    snprintf(twin, RECORD_KEY_SIZE, "%.*s_base64", RECORD_KEY_SIZE - 8, key);
}

const json_t *record_find_text(const json_t *object, const char *key, bool *is_encoded)
{
    char twin[RECORD_KEY_SIZE];
    const json_t *plain = json_object_get(object, key);
    record_twin_key(key, twin);
    *is_encoded = plain == NULL;
    return plain != NULL ? plain : json_object_get(object, twin);
}

json_t *record_encode(const char *value)
{
    size_t length = strlen(value);
    size_t size = sodium_base64_encoded_len(length, sodium_base64_VARIANT_ORIGINAL);
    cleanup_free char *text = malloc(size);
    if (text == NULL)
        return NULL;
    sodium_bin2base64(text, size, (const unsigned char *)value, length,
                      sodium_base64_VARIANT_ORIGINAL);
    return json_string(text);
}

static int decode_base64(const char *encoded, size_t size, char **text, const char **reason)
{
    cleanup_free char *bytes = malloc(size + 1);
    size_t length = 0;
    if (bytes == NULL) {
        *reason = "does not fit into memory";
        return -ENOMEM;
    }
    if (sodium_base642bin((unsigned char *)bytes, size, encoded, size, NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        *reason = "is not base64";
        return -EPROTO;
    }
    bytes[length] = '\0';
    if (memchr(bytes, '\0', length) != NULL) {
        *reason = "contains a NUL byte";
        return -EPROTO;
    }
    *text = steal_pointer(&bytes);
    return 0;
}

int record_decode(const json_t *value, bool is_encoded, size_t limit, char **text,
                  const char **reason)
{
    if (!json_is_string(value)) {
        *reason = "must be a string";
        return -EPROTO;
    }
    size_t length = json_string_length(value);
    /* Base64 takes four bytes for three. */
    if (length > (is_encoded ? limit / 3 * 4 + 4 : limit)) {
        *reason = "is too long";
        return -EPROTO;
    }
    if (is_encoded)
        return decode_base64(json_string_value(value), length, text, reason);
    *text = strdup(json_string_value(value));
    if (*text == NULL) {
        *reason = "does not fit into memory";
        return -ENOMEM;
    }
    return 0;
}

int record_set_text(json_t *object, const char *key, const char *value)
{
    char twin[RECORD_KEY_SIZE];
    json_t *text = json_string(value);
    if (text != NULL)
        return json_object_set_new(object, key, text) == 0 ? 0 : -ENOMEM;
    record_twin_key(key, twin);
    return json_object_set_new(object, twin, record_encode(value)) == 0 ? 0 : -ENOMEM;
}
