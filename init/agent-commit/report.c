/* Prints the report's lines with names that nobody can abuse. */
#include "init/agent-commit/report.h"

#include <stdio.h>
#include <string.h>

/* Names told one by one; the rest is a number. */
#define PATHS_TOLD_MAX 100
/* Bytes of a value that are told, so that a report has a bound: four characters a byte at most. */
#define VALUE_TOLD_MAX 100

void commit_report(const char *key, const char *value)
{
    printf("%s ", key);
    size_t length = strnlen(value, VALUE_TOLD_MAX);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)value[i];
        if (byte < 0x20 || byte >= 0x7f || byte == '\\')
            printf("\\x%02x", byte);
        else
            putchar(byte);
    }
    putchar('\n');
}

void commit_report_paths(const char *key, const struct path_list *list)
{
    size_t told = 0;
    for (size_t at = 0; at < list->size; at += strlen(list->text + at) + 1) {
        if (told++ == PATHS_TOLD_MAX) {
            printf("%s and %zu more\n", key, list->count - PATHS_TOLD_MAX);
            return;
        }
        commit_report(key, list->text + at);
    }
}
