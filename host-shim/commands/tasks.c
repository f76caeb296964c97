/* coding-agents tasks: the commands of a session that run now, listed and ended from the host. */
#include <errno.h>
#include <string.h>

#include "host-shim/commands/client_run.h"
#include "host-shim/commands/exec_view.h"
#include "host-shim/commands/session_view.h"
#include "lib/base/cleanup.h"
#include "lib/host/engine.h"
#include "lib/host/printable.h"

#define ANSWER_MS 10000
#define COLUMNS "%-8s  %-9s  %-19s  "
/* agentuser of users.tab, whose tasks these are: who asks needs no more than a command has. */
#define IDENTITY "10000:10000"
#define RUNNERCTL(container) \
    "exec", "-u", IDENTITY, "-w", "/", "-e", "HOME=/", (container), "agent-task-runnerctl"

static void print_text(const json_t *task, const char *key, int width)
{
    const char *text = json_string_value(json_object_get(task, key));
    cleanup_free char *shown = text != NULL ? printable_text(text, strlen(text)) : NULL;
    printf("%-*s  ", width, shown != NULL ? shown : "?");
}

/* What is said of a task is called otherwise on record. Owned by the caller. */
static json_t *as_command(const json_t *task)
{
    const json_t *arguments = json_object_get(task, "arguments");
    json_t *count = json_object_get(task, "argument_count");
    bool is_cut = (json_int_t)json_array_size(arguments) < json_integer_value(count);
    return json_pack("{s:O?, s:O?, s:O?, s:b}", "argv", json_object_get(task, "arguments"),
                     "argument_count", count, "started", json_object_get(task, "started"),
                     "argv_is_cut", is_cut);
}

static void print_task(const json_t *task)
{
    char time[EXEC_VIEW_TIME_SIZE];
    json_t *command = as_command(task);
    exec_view_format_time(command, time);
    print_text(task, "id", 8);
    print_text(task, "state", 9);
    printf("%-19s  ", time);
    exec_view_print_command(stdout, command);
    json_decref(command);
}

/* Takes ANSWER. */
static int print_tasks(const struct command_line *line, const char *session, json_t *answer)
{
    json_t *tasks = json_object_get(answer, "tasks");
    size_t i;
    json_t *task;
    struct error err = ERROR_INITIALIZER;
    int code = 0;
    if (!json_is_array(tasks)) {
        error_set(&err, EPROTO, "session %s does not say what runs in it", session);
        code = command_fail(line, &err, EXIT_ENGINE);
    } else if (command_has(line, "json")) {
        json_t *document =
            json_pack("{s:i, s:s, s:O}", "version", 1, "session", session, "tasks", tasks);
        (void)json_dumpf(document, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        putchar('\n');
        json_decref(document);
    } else {
        printf(COLUMNS "COMMAND\n", "TASK", "STATE", "STARTED");
        json_array_foreach(tasks, i, task) print_task(task);
    }
    json_decref(answer);
    return code;
}

static int list(const struct command_line *line, const struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    struct process_result result = {.output = NULL};
    const char *const arguments[] = {RUNNERCTL(state->container), "--json", "ps", NULL};
    if (engine_run(arguments, ANSWER_MS, &result, &err) < 0)
        return command_fail(line, &err, EXIT_ENGINE);
    json_t *answer = json_loads(result.output, JSON_REJECT_DUPLICATES, NULL);
    process_result_free(&result);
    return print_tasks(line, state->session, answer);
}

static int end(const struct command_line *line, const struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    struct process_result result = {.output = NULL};
    const char *const arguments[] = {RUNNERCTL(state->container), "kill",
                                     command_value(line, "kill"), command_value(line, "signal"),
                                     NULL};
    if (engine_run(arguments, ANSWER_MS, &result, &err) < 0)
        return command_fail(line, &err, EXIT_ENGINE);
    process_result_free(&result);
    return 0;
}

static int show_log(const struct command_line *line, const struct session_state *state)
{
    const char *const arguments[] = {"docker", RUNNERCTL(state->container), "logs",
                                     command_value(line, "logs"), NULL};
    return client_run(line, arguments, false);
}

/* An id, or a signal: a word that is no option of the program it goes to. */
static bool is_word(const char *text)
{
    return text == NULL || (text[0] != '\0' &&
                            text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789+")] == '\0');
}

static int check(const struct command_line *line, struct error *err)
{
    if (command_has(line, "kill") + command_has(line, "logs") + command_has(line, "json") > 1)
        return error_set(err, EINVAL, "--kill, --logs and --json exclude each other");
    if (command_has(line, "signal") && !command_has(line, "kill"))
        return error_set(err, EINVAL, "--signal goes with --kill");
    if (!is_word(command_value(line, "kill")) || !is_word(command_value(line, "logs")) ||
        !is_word(command_value(line, "signal")))
        return error_set(err, EINVAL,
                         "a task is named as coding-agents tasks lists it, such as t12");
    return 0;
}

static int serve(const struct command_line *line, struct session_view *view)
{
    struct error err = ERROR_INITIALIZER;
    if (!view->is_running || view->is_frozen) {
        error_set(&err, EINVAL, "session %s does not run, so nothing in it does",
                  view->state->session);
        return command_fail(line, &err, EXIT_SESSION);
    }
    if (command_has(line, "kill"))
        return end(line, view->state);
    return command_has(line, "logs") ? show_log(line, view->state) : list(line, view->state);
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct session_state *state = NULL;
    struct session_view view;
    struct error err = ERROR_INITIALIZER;
    command_begin("tasks", argc, argv, &line);
    if (check(&line, &err) < 0)
        return command_fail(&line, &err, EXIT_USAGE);
    int code = command_open_session(&line, line.arguments[0], &state);
    if (code != 0)
        return code;
    if (session_view_read(state, &view, &err) < 0) {
        session_state_free(state);
        return command_fail(&line, &err, EXIT_ENGINE);
    }
    code = serve(&line, &view);
    session_view_free(&view);
    return code;
}
