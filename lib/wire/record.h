/*
 * A C structure described as a table, read from and written to a JSON object. One table serves
 * reading, writing and releasing, so the three cannot drift apart. Reading is strict: a missing,
 * unknown, doubled or ill-typed key is an error that names the key's path
 * ("source.git_directories[2].common_path").
 */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* Longest text of a field without a size of its own. */
#define RECORD_TEXT_MAX (64 * 1024)

enum record_type {
    RECORD_TEXT, /* char *, owned; any bytes but NUL; size: most bytes, 0 for RECORD_TEXT_MAX */
    RECORD_TEXT_INLINE, /* char[size] */
    RECORD_TEXT_LIST, /* char **, owned, NULL-terminated; limit: most entries; size: as for TEXT */
    RECORD_BOOL,      /* bool */
    RECORD_UINT32,    /* uint32_t, uid_t, gid_t */
    RECORD_INT,       /* int */
    RECORD_ENUM,      /* an enum from 0 in the order of names */
    RECORD_UINT32_LIST, /* uint32_t[limit] with a size_t at count_offset */
    RECORD_OBJECT,      /* a nested object whose fields lie in the same structure, from offset */
    RECORD_OBJECT_LIST, /* pointer to structures of size bytes, owned, with a size_t at count_offset
                         */
};

/* What is wrong with VALUE ("is no session id"), or NULL. The text is static. */
typedef const char *record_check(const char *value);

struct record_field {
    const char *key; /* NULL ends a table */
    enum record_type type;
    size_t offset;
    size_t size;
    size_t count_offset;
    size_t limit;
    const char *const *names;          /* ENUM: NULL-terminated */
    const struct record_field *fields; /* OBJECT, OBJECT_LIST */
    record_check *check;               /* texts, and each text of a list */
    bool is_optional; /* an older version did not write it: what is missing is left as it was */
};

/*
 * Text that is not UTF-8 travels under the key "x_base64" instead of "x" (for a list: every entry),
 * so that any file name or argument survives JSON.
 */

/* Fills BASE (zeroed by the caller) from OBJECT. On failure BASE is to be released all the same. 0
 * or -errno. */
int record_read(const struct record_field *fields, const json_t *object, void *base,
                struct error *err);

/* *OBJECT is owned by the caller. NULL texts are written as "". 0 or -errno. */
int record_write(const struct record_field *fields, const void *base, json_t **object,
                 struct error *err);

/* Releases what the fields own and empties them. */
void record_release(const struct record_field *fields, void *base);

/* Parses SIZE bytes at TEXT as one JSON object with an integer "version" equal to VERSION, which is
 * removed from it. WHAT names the document in errors. *OBJECT is owned by the caller. 0 or -errno.
 */
int record_parse(const char *text, size_t size, int version, json_t **object, struct error *err);

/* Takes OBJECT, adds VERSION, and renders it: sorted keys, compact, one newline. *TEXT is owned. 0
 * or -errno. */
int record_render(json_t *object, int version, char **text, size_t *size, struct error *err);

/* KEY of OBJECT as JSON text, or as "KEY_base64" when VALUE is not UTF-8. 0 or -errno. */
int record_set_text(json_t *object, const char *key, const char *value);

#endif
