/* A growing, NULL-terminated list of owned strings. */
#include "lib/base/string_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes TEXT. */
static char *append(struct string_list *list, char *text)
{
    if (text != NULL && list->count + 2 > list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        char **larger = reallocarray(list->items, capacity, sizeof(*larger));
        if (larger != NULL) {
            list->items = larger;
            list->capacity = capacity;
        }
    }
    if (text == NULL || list->count + 2 > list->capacity) {
        free(text);
        list->has_failed = true;
        return NULL;
    }
    list->items[list->count++] = text;
    list->items[list->count] = NULL;
    return text;
}

char *string_list_add(struct string_list *list, const char *text)
{
    return append(list, strdup(text));
}

char *string_list_format(struct string_list *list, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return append(list, length < 0 ? NULL : text);
}

bool string_list_contains(const struct string_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

void string_list_free(struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct string_list){.items = NULL};
}
