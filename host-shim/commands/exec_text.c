/* One command of a session as lines for people: when, how long, how it ended, what it was, and why
 * it was not run. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/exec_view.h"
#include "lib/base/cleanup.h"
#include "lib/host/printable.h"
#include "lib/wire/limits.h"
#include "lib/wire/record_text.h"

#define COLUMNS "%-19s  %8s  %-8s  %-15s  "
#define NOTE_INDENT "    "

void exec_view_print_title(FILE *file)
{
    fprintf(file, COLUMNS "COMMAND\n", "STARTED", "DURATION", "EXIT", "TIER");
}

char *exec_view_text(const json_t *object, const char *key)
{
    char *text = NULL;
    const char *reason = NULL;
    bool is_encoded;
    const json_t *value = record_find_text(object, key, &is_encoded);
    (void)record_decode(value, is_encoded, LIMIT_EVENT_TEXT_BYTES, &text, &reason);
    return text;
}

static bool has_text(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL && strcmp(value, text) == 0;
}

static void print_word(FILE *file, const char *text)
{
    cleanup_free char *word = printable_word(text);
    fputs(word != NULL ? word : "?", file);
}

/* The file that ran, where argv does not say so itself. No word of argv can look like this:
 * brackets are quoted in words. */
static void print_program(FILE *file, const json_t *object, const char *first)
{
    cleanup_free char *program = exec_view_text(object, "program");
    if (program == NULL || program[0] == '\0' ||
        (first != NULL && strcmp(basename(first), basename(program)) == 0))
        return;
    fputs(first != NULL ? " [" : "[", file);
    printable_print(file, program);
    fputc(']', file);
}

char *exec_view_argument(const json_t *object, size_t index)
{
    char *text = NULL;
    const char *reason = NULL;
    bool is_encoded;
    const json_t *words = record_find_text(object, "argv", &is_encoded);
    (void)record_decode(json_array_get(words, index), is_encoded, LIMIT_EVENT_TEXT_BYTES, &text,
                        &reason);
    return text;
}

void exec_view_print_arguments(FILE *file, const json_t *object)
{
    cleanup_free char *first = exec_view_argument(object, 0);
    bool is_encoded;
    size_t count = json_array_size(record_find_text(object, "argv", &is_encoded));
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *text = exec_view_argument(object, i);
        fputs(i == 0 ? "" : " ", file);
        print_word(file, text != NULL ? text : "?");
    }
    if (json_is_true(json_object_get(object, "argv_is_cut")))
        fprintf(file, " ... (%" JSON_INTEGER_FORMAT " arguments in all)",
                json_integer_value(json_object_get(object, "argument_count")));
    print_program(file, object, first);
    fputc('\n', file);
}

static void format_duration(const json_t *view, char text[32])
{
    const json_t *duration = json_object_get(view, "duration_us");
    uint64_t ms = (uint64_t)json_integer_value(duration) / 1000;
    if (duration == NULL)
        snprintf(text, 32, "-");
    else if (ms < 1000)
        snprintf(text, 32, "%" PRIu64 "ms", ms);
    else if (ms < 60000)
        snprintf(text, 32, "%" PRIu64 ".%02" PRIu64 "s", ms / 1000, ms % 1000 / 10);
    else if (ms < 3600000)
        snprintf(text, 32, "%" PRIu64 "m%02" PRIu64 "s", ms / 60000, ms / 1000 % 60);
    else
        snprintf(text, 32, "%" PRIu64 "h%02" PRIu64 "m", ms / 3600000, ms / 60000 % 60);
}

/* A code, a signal's name, or the state of one that has neither. */
static void format_ending(const json_t *view, char text[32])
{
    json_int_t signal = json_integer_value(json_object_get(view, "signal"));
    const char *abbreviation = signal > 0 && signal < INT16_MAX ? sigabbrev_np((int)signal) : NULL;
    const char *state = json_string_value(json_object_get(view, "state"));
    if (!has_text(view, "state", "ended"))
        snprintf(text, 32, "%s", state != NULL ? state : "-");
    else if (abbreviation != NULL)
        snprintf(text, 32, "SIG%s", abbreviation);
    else
        snprintf(text, 32, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(view, "exit_code")));
}

/* Nothing but what a time may have: a damaged log may say anything. */
void exec_view_format_time(const json_t *object, char text[EXEC_VIEW_TIME_SIZE])
{
    const char *started = json_string_value(json_object_get(object, "started"));
    bool is_time = started != NULL && strspn(started, "0123456789-:.TZ") == strlen(started);
    snprintf(text, EXEC_VIEW_TIME_SIZE, "%s", is_time ? started : "-");
    if (strlen(text) == EXEC_VIEW_TIME_SIZE - 1 && text[10] == 'T')
        text[10] = ' ';
}

static void print_columns(FILE *file, const json_t *object, const char *duration,
                          const char *ending)
{
    char time[EXEC_VIEW_TIME_SIZE];
    const char *tier = json_string_value(json_object_get(object, "tier"));
    exec_view_format_time(object, time);
    bool has_tier = tier != NULL && tier[strspn(tier, "abcdefghijklmnopqrstuvwxyz-")] == '\0' &&
                    strcmp(tier, "none") != 0;
    fprintf(file, COLUMNS, time, duration, ending, has_tier ? tier : "-");
}

/* Why OBJECT was not run, or that it only was because the policy observes. */
static void print_note(FILE *file, const json_t *object, const char *indent)
{
    cleanup_free char *reason = exec_view_text(object, "reason");
    cleanup_free char *rule = exec_view_text(object, "rule");
    bool is_observed = json_is_true(json_object_get(object, "is_observed"));
    bool was_asked = json_object_get(object, "seconds") != NULL;
    json_int_t number = json_integer_value(json_object_get(object, "error"));
    if (has_text(object, "verdict", "direct") ||
        (!is_observed && !was_asked && has_text(object, "verdict", "sandbox")))
        return;
    bool has_reason = reason != NULL && reason[0] != '\0';
    if (!is_observed && rule == NULL && !has_reason)
        return;
    fprintf(file, NOTE_INDENT "%s", indent);
    if (is_observed)
        fputs("observed: ", file);
    if (has_text(object, "verdict", "ask"))
        fputs("asks: ", file);
    bool is_denied = is_observed || has_text(object, "verdict", "deny");
    if (has_reason)
        printable_print(file, reason);
    else
        fputs(is_denied ? "denied" : "not run", file);
    /* The reason of a denial names its rule by itself; of an exec inside another only the rule is
     * on record. */
    if (rule != NULL && (!has_reason || strstr(reason, rule) == NULL)) {
        fputs(is_denied && !has_reason ? " by rule " : ", rule ", file);
        printable_print(file, rule);
    }
    if (number > 0)
        fprintf(file, " (%s)", strerror((int)(number & 0xfff)));
    fputc('\n', file);
}

static void print_nested(FILE *file, const json_t *item)
{
    json_int_t lost = json_integer_value(json_object_get(item, "lost"));
    if (lost > 0)
        fprintf(file, NOTE_INDENT "  %" JSON_INTEGER_FORMAT " more are not on record\n", lost);
    print_columns(file, item, "", has_text(item, "verdict", "deny") ? "denied" : "");
    fputs("  ", file);
    exec_view_print_arguments(file, item);
    print_note(file, item, "  ");
}

void exec_view_print(FILE *file, const json_t *view, bool is_whole)
{
    char duration[32], ending[32];
    const json_t *nested = json_object_get(view, "nested");
    format_duration(view, duration);
    format_ending(view, ending);
    print_columns(file, view, duration, ending);
    if (is_whole)
        exec_view_print_arguments(file, view);
    else
        exec_view_print_command(file, view);
    print_note(file, view, "");
    for (size_t i = 0; i < json_array_size(nested); i++)
        print_nested(file, json_array_get(nested, i));
}
