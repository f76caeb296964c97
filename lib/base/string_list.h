/* A growing list of strings that it owns, always NULL-terminated: argument vectors and strings made
 * on the way. */
#ifndef BASE_STRING_LIST_H
#define BASE_STRING_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct string_list {
    char **items; /* owned, each too; NULL until the first one */
    size_t count;
    size_t capacity;
    bool has_failed; /* an addition found no memory; checked once, at the end */
};

/* Adds a copy of TEXT. The copy (borrowed from the list), or NULL when there is no memory. */
char *string_list_add(struct string_list *list, const char *text);

/* Adds a formatted string, likewise. */
char *string_list_format(struct string_list *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True when TEXT is in the list. */
bool string_list_contains(const struct string_list *list, const char *text);

/* Releases all strings and empties the list. */
void string_list_free(struct string_list *list);

/* Variables that own their list: `cleanup_string_list struct string_list list = {0};` */
#define cleanup_string_list __attribute__((cleanup(string_list_free)))

#endif
