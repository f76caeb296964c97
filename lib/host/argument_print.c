/* Prints command lines. */
#include "lib/host/argument_print.h"

#include <stddef.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/wire/record.h"

static int print_json(const struct string_list *argv, struct error *err)
{
    static const struct record_field fields[] = {
        {.key = "argv",
         .type = RECORD_TEXT_LIST,
         .limit = 1024,
         .offset = offsetof(struct string_list, items)},
        {.key = NULL},
    };
    cleanup_free char *text = NULL;
    size_t size;
    json_t *object = NULL;
    int status = record_write(fields, argv, &object, err);
    if (status == 0)
        status = record_render(object, 1, &text, &size, err);
    if (status == 0)
        fputs(text, stdout);
    return status;
}

int argument_print(const struct string_list *argv, bool is_json, struct error *err)
{
    if (is_json)
        return print_json(argv, err);
    for (size_t i = 0; i < argv->count; i++) {
        fputs(i == 0 ? "'" : " '", stdout);
        for (const char *p = argv->items[i]; *p != '\0'; p++)
            fputs(*p == '\'' ? "'\\''" : (const char[]){*p, '\0'}, stdout);
        fputs("'", stdout);
    }
    fputs("\n", stdout);
    return 0;
}
