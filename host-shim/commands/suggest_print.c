/* Prints the rules that are proposed: as a file, and as lines for people. */
#include "host-shim/commands/suggest_print.h"

#include <errno.h>
#include <stdio.h>

#include "host-shim/commands/suggest_match.h"
#include "host-shim/commands/suggest_rules.h"
#include "lib/base/cleanup.h"
#include "lib/host/printable.h"

#define SHOWN_ALTERNATIVES 3

int suggest_print_file(const json_t *merged)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < json_array_size(merged); i++)
        (void)json_array_append_new(rules, suggest_rules_write(json_array_get(merged, i)));
    json_t *document = json_pack("{s:i, s:o}", "version", 1, "rules", rules);
    int result = document == NULL ? -ENOMEM : 0;
    /* In the order of the format's own documentation, not of the alphabet. */
    if (result == 0 && json_dumpf(document, stdout, SUGGEST_FILE_FLAGS) < 0)
        result = -EIO;
    putchar('\n');
    json_decref(document);
    return result;
}

static void print_pattern(const json_t *pattern)
{
    cleanup_free char *text = suggest_match_text(json_string_value(pattern));
    cleanup_free char *word = text != NULL ? printable_word(text) : NULL;
    fputs(word != NULL ? word : "?", stdout);
}

static void print_argument(const json_t *argument)
{
    size_t count = json_array_size(argument);
    putchar(' ');
    if (!json_is_array(argument)) {
        print_pattern(argument);
        return;
    }
    putchar('{');
    for (size_t i = 0; i < count && i < SHOWN_ALTERNATIVES; i++) {
        fputs(i == 0 ? "" : ",", stdout);
        print_pattern(json_array_get(argument, i));
    }
    if (count > SHOWN_ALTERNATIVES)
        printf(",... %zu in all", count);
    putchar('}');
}

static void print_rule(const json_t *item)
{
    const json_t *match = json_object_get(item, "match");
    const json_t *arguments = json_object_get(match, "arguments");
    printf("%-32s  %-15s  %5" JSON_INTEGER_FORMAT "  ",
           json_string_value(json_object_get(item, "id")),
           json_string_value(json_object_get(item, "tier")),
           json_integer_value(json_object_get(item, "times")));
    print_pattern(json_object_get(match, "program"));
    for (size_t i = 0; i < json_array_size(arguments); i++)
        print_argument(json_array_get(arguments, i));
    putchar('\n');
}

void suggest_print_lines(const json_t *merged)
{
    printf("%-32s  %-15s  %5s  %s\n", "RULE", "TIER", "TIMES", "FITS");
    for (size_t i = 0; i < json_array_size(merged); i++)
        print_rule(json_array_get(merged, i));
}
