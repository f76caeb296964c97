/* coding-agents audit: what the audit log of a session proves, and what is in it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/audit_proof.h"
#include "host-shim/commands/audit_view.h"
#include "host-shim/commands/command.h"
#include "host-shim/commands/exec_view.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/host/printable.h"

#define TAIL_LINES 10

enum {
    EXIT_PROVEN = 0,
    EXIT_NOT_CLOSED = 1,
};

/* clang-format off */
static const struct { const char *said; int code; } standings[] = {
    [AUDIT_CLOSED]  = {"whole, closed and signed",                                                EXIT_PROVEN},
    [AUDIT_OPEN]    = {"whole so far, not closed: the session still writes it",                   EXIT_NOT_CLOSED},
    [AUDIT_CUT]     = {"whole so far, not closed: its keeper was killed, or its end was cut off", EXIT_NOT_CLOSED},
    [AUDIT_KEYLESS] = {"whole and closed, but not signed: it is of an older version",             EXIT_NOT_CLOSED},
    [AUDIT_DAMAGED] = {"damaged",                                                                 EXIT_AUDIT},
};
/* clang-format on */

static int print_proof_json(const struct session_state *state, const struct audit_proof *proof)
{
    json_t *document =
        json_pack("{s:i, s:s, s:s, s:I, s:b, s:b, s:s, s:I, s:I, s:s?}", "version", 1, "session",
                  state->session, "standing", audit_standing_name(proof->standing), "records",
                  (json_int_t)proof->chain.count, "is_closed", (int)proof->chain.is_closed,
                  "is_signed", (int)proof->chain.is_signed, "key", proof->chain.key, "torn_bytes",
                  (json_int_t)proof->torn, "copies", (json_int_t)proof->copies, "reason",
                  proof->standing == AUDIT_DAMAGED ? error_text(&proof->reason) : NULL);
    int result = document != NULL ? printable_json_dump(document, stdout) : -ENOMEM;
    json_decref(document);
    return result;
}

static void print_proof(const struct session_state *state, const struct audit_proof *proof)
{
    printf("session  %s\nlog      %s\nrecords  %" PRIu64 "\n", state->session,
           standings[proof->standing].said, proof->chain.count);
    if (proof->torn > 0)
        printf("torn     %" PRIu64 " bytes of a last line that has no end\n", proof->torn);
    if (proof->chain.key[0] != '\0')
        printf("key      %s\n", proof->chain.key);
    if (proof->standing == AUDIT_OPEN)
        return;
    if (!proof->has_copies)
        puts("copies   there is no security-events.log");
    else if (proof->standing != AUDIT_DAMAGED)
        printf("copies   %" PRIu64 " in security-events.log, the same\n", proof->copies);
}

static int verify(const struct command_line *line, const struct session_state *state)
{
    struct audit_proof proof;
    struct error err = ERROR_INITIALIZER;
    const char *key = command_value(line, "key");
    if (key != NULL && (strlen(key) != AUDIT_PUBLIC_KEY_SIZE - 1 ||
                        key[strspn(key, "0123456789abcdef")] != '\0')) {
        error_set(&err, EINVAL, "--key wants 64 digits of hex in lower case, not '%.80s'", key);
        return command_fail(line, &err, EXIT_USAGE);
    }
    int result = audit_proof_make(state, key, &proof, &err);
    if (result < 0)
        return command_fail(line, &err, result == -ENOENT ? EXIT_SESSION : EXIT_AUDIT);
    if (command_has(line, "json"))
        result = print_proof_json(state, &proof);
    else
        print_proof(state, &proof);
    if (result < 0 || fflush(stdout) == EOF) {
        error_set(&err, EIO, "print what was found");
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    }
    if (proof.standing != AUDIT_DAMAGED)
        return standings[proof.standing].code;
    error_prefix(&proof.reason, "the audit log is damaged");
    return command_fail(line, &proof.reason, EXIT_AUDIT);
}

static int read_lines_option(const char *text, size_t *lines, struct error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0 ||
        number > AUDIT_VIEW_LINES_MAX)
        return error_set(err, EINVAL, "--lines wants a number from 1 to %d, not '%.40s'",
                         AUDIT_VIEW_LINES_MAX, text);
    *lines = number;
    return 0;
}

static int read_view(const struct command_line *line, struct audit_view *view, struct error *err)
{
    const char *events = command_value(line, "event");
    const char *since = command_value(line, "since");
    const char *lines = command_value(line, "lines");
    view->is_json = command_has(line, "json");
    view->is_following = command_has(line, "follow");
    view->sources = command_value(line, "source");
    int result = events != NULL ? audit_view_events(events, &view->events, err) : 0;
    if (result == 0 && since != NULL)
        result = exec_filter_since(since, clock_realtime_ns(), &view->since_ns, err);
    if (result == 0 && lines != NULL)
        result = read_lines_option(lines, &view->last, err);
    return result;
}

static int print_events(const struct command_line *line, const struct session_state *state,
                        struct audit_view *view)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    struct error damage = ERROR_INITIALIZER;
    if (read_view(line, view, &err) < 0)
        return command_fail(line, &err, EXIT_USAGE);
    int result = session_state_directory(state->session, directory, &err);
    if (result == 0 && path_format(path, "%s/events.jsonl", directory) < 0)
        result = error_set(&err, ENAMETOOLONG, "the audit log");
    if (result == 0)
        result = audit_view_print(view, path, &damage, &err);
    if (result < 0)
        return command_fail(line, &err, result == -ENOENT ? EXIT_SESSION : EXIT_HOST_INTERNAL);
    if (damage.number == 0)
        return 0;
    error_prefix(&damage, "the audit log is damaged, and proves nothing from there on");
    return command_fail(line, &damage, EXIT_AUDIT);
}

static int show(const struct command_line *line, const struct session_state *state)
{
    struct audit_view view = {.last = 0};
    return print_events(line, state, &view);
}

static int tail(const struct command_line *line, const struct session_state *state)
{
    struct audit_view view = {.last = TAIL_LINES};
    return print_events(line, state, &view);
}

struct action {
    const char *name;
    const char *options; /* what it takes besides --json, with spaces around each */
    int (*run)(const struct command_line *line, const struct session_state *state);
};

/* clang-format off */
static const struct action actions[] = {
    {"verify", " key ",                            verify},
    {"show",   " event source since lines follow ", show},
    {"tail",   " event source since lines follow ", tail},
};
/* clang-format on */

/* 0, or -EINVAL for an option of another action. */
static int check_options(const struct action *action, const struct command_line *line,
                         struct error *err)
{
    static const char *const own[] = {"key", "event", "source", "since", "lines", "follow"};
    for (size_t i = 0; i < ARRAY_LENGTH(own); i++) {
        char word[16];
        snprintf(word, sizeof(word), " %s ", own[i]);
        if (command_has(line, own[i]) && strstr(action->options, word) == NULL)
            return error_set(err, EINVAL, "%s has no option --%s", action->name, own[i]);
    }
    return 0;
}

static int run(const struct action *action, const struct command_line *line)
{
    struct error err = ERROR_INITIALIZER;
    struct session_state *state = NULL;
    if (check_options(action, line, &err) < 0)
        return command_fail(line, &err, EXIT_USAGE);
    if (session_find(line->arguments[1], &state, &err) < 0)
        return command_fail(line, &err, EXIT_SESSION);
    int code = action->run(line, state);
    session_state_free(state);
    return code;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    command_begin("audit", argc, argv, &line);
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
        if (strcmp(actions[i].name, line.arguments[0]) == 0)
            return run(&actions[i], &line);
    error_set(&err, EINVAL, "'%s' is none of verify, show and tail", line.arguments[0]);
    return command_fail(&line, &err, EXIT_USAGE);
}
