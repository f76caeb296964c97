/* Texts of records: JSON strings when they are UTF-8, base64 under a twin key when not. */
#ifndef WIRE_RECORD_TEXT_H
#define WIRE_RECORD_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Longest key with its "_base64". */
#define RECORD_KEY_SIZE 64

/* "KEY_base64" into TWIN. */
void record_twin_key(const char *key, char twin[RECORD_KEY_SIZE]);

/* The value under KEY in OBJECT or, when there is none, under its twin, of which *IS_ENCODED tells.
 * Borrowed; NULL: neither is there. */
const json_t *record_find_text(const json_t *object, const char *key, bool *is_encoded);

/* VALUE as a JSON string in base64. NULL without memory. Owned by the caller. */
json_t *record_encode(const char *value);

/*
 * The text in VALUE, decoded when IS_ENCODED, at most LIMIT bytes, without NUL. *TEXT is owned by
 * the caller. 0, or -EPROTO with *REASON (static).
 */
int record_decode(const json_t *value, bool is_encoded, size_t limit, char **text,
                  const char **reason);

#endif
