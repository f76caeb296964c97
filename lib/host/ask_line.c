/* One line about a command that waits for an answer. */
#include "lib/host/ask_line.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/printable.h"
#include "lib/wire/limits.h"
#include "lib/wire/record_text.h"

/* Of the command: what one can take in beside something else. coding-agents approvals shows all. */
#define COMMAND_BYTES 200

char *ask_line_id(const char *session, const json_t *ask)
{
    char *id = NULL;
    json_int_t number = json_integer_value(json_object_get(ask, "ask"));
    return asprintf(&id, "%s-%" JSON_INTEGER_FORMAT, session, number) < 0 ? NULL : id;
}

static void print_list(FILE *file, const json_t *list, bool is_encoded)
{
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        char *text = NULL;
        const char *reason = NULL;
        (void)record_decode(json_array_get(list, i), is_encoded, LIMIT_EVENT_TEXT_BYTES, &text,
                            &reason);
        cleanup_free char *word = printable_word(text != NULL ? text : "?");
        free(text);
        size_t size = word != NULL ? strlen(word) : 0;
        used += size + 1;
        if (used > COMMAND_BYTES && i > 0) {
            fputs(" ...", file);
            return;
        }
        fprintf(file, "%s%.*s", i == 0 ? "" : " ", COMMAND_BYTES, word != NULL ? word : "?");
    }
}

bool ask_line_print_inner(FILE *file, const json_t *fields)
{
    bool is_encoded;
    const json_t *list = record_find_text(fields, "asks_about", &is_encoded);
    if (list == NULL)
        return false;
    print_list(file, list, is_encoded);
    if (json_is_true(json_object_get(fields, "asks_more")))
        fputs(", and not that alone", file);
    return true;
}

/* What it asks about comes first: the rest of a long line is off the screen. */
static void print_words(FILE *file, const json_t *fields)
{
    bool is_encoded;
    const json_t *list = record_find_text(fields, "argv", &is_encoded);
    if (ask_line_print_inner(file, fields))
        fputs(", inside another command", file);
    else
        print_list(file, list, is_encoded);
}

static void print_text(FILE *file, const json_t *fields, const char *key)
{
    const char *text = json_string_value(json_object_get(fields, key));
    printable_print(file, text != NULL ? text : "?");
}

char *ask_line(const char *session, const char *name, const json_t *ask)
{
    char *line = NULL;
    size_t size = 0;
    const json_t *fields = json_object_get(ask, "fields");
    cleanup_free char *id = ask_line_id(session, ask);
    FILE *file = id != NULL ? open_memstream(&line, &size) : NULL;
    if (file == NULL)
        return NULL;
    if (name != NULL) {
        fputs("session ", file);
        printable_print(file, name);
        fputc(' ', file);
    }
    fprintf(file, "asks, coding-agents approve %s or deny %s: ", id, id);
    print_words(file, fields);
    fputs(" (rule ", file);
    print_text(file, fields, "rule");
    fputs(": ", file);
    print_text(file, fields, "reason");
    fputc(')', file);
    return fclose(file) == 0 ? line : NULL;
}
