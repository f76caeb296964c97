/* Commands that wait for an answer: as JSON, and as lines for people. */
#include "host-shim/commands/ask_view.h"

#include <inttypes.h>
#include <string.h>

#include "host-shim/commands/exec_view.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/ask_line.h"
#include "lib/host/printable.h"
#include "lib/wire/ask.h"

#define COLUMNS "%-14s  %-16s  %6s  %6s  "
#define NOTE_INDENT "    "

json_t *ask_view_json(const char *session, const char *name, const json_t *ask)
{
    cleanup_free char *id = ask_line_id(session, ask);
    return json_pack("{s:i, s:s?, s:s, s:s, s:O?, s:O?, s:O*}", "version", 1, "id", id, "session",
                     session, "name", name, "state", json_object_get(ask, "state"), "command",
                     json_object_get(ask, "fields"), "reason", json_object_get(ask, "reason"));
}

static size_t state_of(const json_t *view)
{
    return ask_find_name(ask_states, ASK_STATE_COUNT,
                         json_string_value(json_object_get(view, "state")));
}

bool ask_view_is_waiting(const json_t *view)
{
    return state_of(view) == ASK_WAITING;
}

bool ask_view_is_over(const json_t *view)
{
    return state_of(view) > ASK_ANSWERED;
}

static void format_seconds(int64_t seconds, char text[32])
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 60)
        snprintf(text, 32, "%" PRId64 "s", seconds);
    else if (seconds < 3600)
        snprintf(text, 32, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
    else
        snprintf(text, 32, "%" PRId64 "h%02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
}

void ask_view_print_title(FILE *file)
{
    fprintf(file, COLUMNS "COMMAND\n", "ID", "SESSION", "WAITED", "LEFT");
}

static void print_text(FILE *file, const json_t *command, const char *key)
{
    cleanup_free char *text = exec_view_text(command, key);
    printable_print(file, text != NULL ? text : "?");
}

static void print_inner(FILE *file, const json_t *command)
{
    if (json_object_get(command, "asks_about") == NULL &&
        json_object_get(command, "asks_about_base64") == NULL)
        return;
    fputs(NOTE_INDENT "asks about: ", file);
    (void)ask_line_print_inner(file, command);
    fputc('\n', file);
}

void ask_view_print(FILE *file, const json_t *view, uint64_t now_ns)
{
    char waited[32];
    char left[32];
    uint64_t started_ns = now_ns;
    const json_t *command = json_object_get(view, "command");
    const char *name = json_string_value(json_object_get(view, "name"));
    const char *started = json_string_value(json_object_get(command, "started"));
    int64_t most = (int64_t)json_integer_value(json_object_get(command, "seconds"));
    if (started == NULL || clock_parse(started, &started_ns) < 0)
        started_ns = now_ns;
    int64_t seconds =
        ((int64_t)now_ns - (int64_t)started_ns) / (int64_t)CLOCK_NANOSECONDS_PER_SECOND;
    cleanup_free char *shown =
        printable_text(name != NULL ? name : "", name != NULL ? strlen(name) : 0);
    format_seconds(seconds, waited);
    format_seconds(most - seconds, left);
    fprintf(file, COLUMNS, json_string_value(json_object_get(view, "id")),
            shown != NULL ? shown : "?", waited, left);
    exec_view_print_command(file, command);
    print_inner(file, command);
    fputs(NOTE_INDENT "rule ", file);
    print_text(file, command, "rule");
    fputs(": ", file);
    print_text(file, command, "reason");
    fputs("; in ", file);
    print_text(file, command, "cwd");
    fputc('\n', file);
}

void ask_view_print_outcome(FILE *file, const json_t *view)
{
    cleanup_free char *reason = exec_view_text(view, "reason");
    fprintf(file, "%s was %s", json_string_value(json_object_get(view, "id")),
            json_string_value(json_object_get(view, "state")));
    if (reason != NULL) {
        fputs(": ", file);
        printable_print(file, reason);
    } else if (state_of(view) == ASK_LOST) {
        fputs(": its task runner ended, and the command with it", file);
    }
    fputc('\n', file);
}
