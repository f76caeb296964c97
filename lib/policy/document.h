/* A policy file: its JSON, and the line of each of its values for errors. */
#ifndef POLICY_DOCUMENT_H
#define POLICY_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct loading; /* what is being loaded; only readers know it */

struct document {
    char *path; /* owned */
    char *text; /* owned */
    size_t size;
    json_t *root; /* owned */
};

/* A value in a document, and the way to it. */
struct place {
    struct loading *loading;
    const struct document *document;
    const struct place *parent; /* NULL: the root */
    const char *key;            /* NULL: an entry of an array */
    size_t index;               /* of the member or entry, in the order of the text */
    json_t *value;              /* borrowed */
};

/* Reads and parses the file; duplicate keys are errors. DOCUMENT is to be released in any case. 0
 * or -errno with "FILE:LINE: why". */
int document_read(const char *path, struct document *document, struct error *err);
void document_release(struct document *document);

/* The line on which the value at PLACE (its key, where it has one) begins, from 1. */
unsigned int place_line(const struct place *place);

/* "FILE:LINE: KEY: why", KEY as in "rules[3].match.program". Returns -EPROTO. */
int place_refuse(const struct place *place, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads the value at PLACE into TARGET. 0 or -errno. */
typedef int place_reader(const struct place *place, void *target, struct error *err);

/* A key of an object; NULL ends a table. */
struct place_field {
    const char *key;
    place_reader *read;
    size_t offset; /* what READ gets is this far into the object's target */
    bool is_required;
};

/* Reads an object by a table. Unknown and missing keys are errors. */
int place_read_object(const struct place *place, const struct place_field *fields, void *target,
                      struct error *err);

/* Calls READ for each entry of an array, or each member of an object: TARGET for all. */
int place_read_each(const struct place *place, place_reader *read, void *target, struct error *err);

/* The member KEY of the object at PLACE, which MEMBER then refers to. False when there is none. */
bool place_find(const struct place *place, const char *key, struct place *member);

/* The text at PLACE: not empty, at most LIMIT bytes, no control characters. *TEXT is borrowed. */
int place_read_text(const struct place *place, size_t limit, const char **text, struct error *err);

/* An integer from 0 to LIMIT. */
int place_read_number(const struct place *place, json_int_t limit, json_int_t *number,
                      struct error *err);

/* The index of the text at PLACE in NAMES (COUNT of them; NULL entries are none). */
int place_read_name(const struct place *place, const char *const *names, size_t count,
                    size_t *index, struct error *err);

#endif
