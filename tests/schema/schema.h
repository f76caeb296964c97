/* A checker of JSON against the schemas in policies/schema: the keywords they use, and no others.
 */
#ifndef TESTS_SCHEMA_SCHEMA_H
#define TESTS_SCHEMA_SCHEMA_H

#include <jansson.h>
#include <stddef.h>

/*
 * NULL when VALUE is as SCHEMA, a part of ROOT, wants it; else what is wrong, in TEXT of SIZE
 * bytes. A keyword that the checker does not know is wrong too: a rule that nobody looks at is
 * none.
 */
const char *schema_check(const json_t *root, const json_t *schema, const json_t *value, char *text,
                         size_t size);

#endif
