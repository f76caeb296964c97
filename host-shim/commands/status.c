/* coding-agents status: everything known about one session. */
#include <string.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/session_view.h"
#include "lib/base/cleanup.h"
#include "lib/host/engine.h"
#include "lib/host/printable.h"

#define CONTROL_ANSWER_MS 10000

/* What PID 1 says of its services, owned; NULL when it cannot be asked. */
static json_t *ask_init(const struct session_view *view)
{
    const char *const arguments[] = {
        "exec",   "-u", ENGINE_ATTACH_IDENTITY, view->state->container, "agent-initctl", "status",
        "--json", NULL};
    struct process_result result = {.output = NULL};
    if (!view->is_running || view->is_frozen ||
        engine_run(arguments, CONTROL_ANSWER_MS, &result, NULL) < 0)
        return NULL;
    json_t *answer = json_loads(result.output, 0, NULL);
    process_result_free(&result);
    return answer;
}

static void print_value(const char *key, const json_t *value)
{
    printf("%-22s", key);
    if (json_is_string(value))
        printable_print(stdout, json_string_value(value));
    else if (json_is_integer(value))
        printf("%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "yes" : "no", stdout);
    putchar('\n');
}

static bool is_blank(const json_t *value)
{
    return json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0);
}

/* In this order; what is unknown is left out. */
static const char *const shown[] = {
    "session",
    "name",
    "agent",
    "phase",
    "thaw_command",
    "approvals_waiting",
    "cause",
    "exit_code",
    "was_oom_killed",
    "repository",
    "branch",
    "host_branch",
    "base_commit",
    "collected_commit",
    "has_uncollected_work",
    "collect_command",
    "push_enabled",
    "is_interactive",
    "is_persistent",
    "created_at",
    "ended_at",
    "image",
    "container",
    "has_container",
    "volume",
    "network",
    "audit_key",
};

static void print_services(const json_t *init)
{
    const json_t *services = json_object_get(init, "services");
    for (size_t i = 0; i < json_array_size(services); i++) {
        const json_t *service = json_array_get(services, i);
        const char *name = json_string_value(json_object_get(service, "name"));
        cleanup_free char *text =
            json_dumps(service, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        printf("%-22s", "service");
        printable_print(stdout, name == NULL ? "?" : name);
        printf(" %s\n", text == NULL ? "" : text);
    }
}

static int print_status(const json_t *status, bool is_json)
{
    if (is_json)
        return printable_json_dump(status, stdout);
    for (size_t i = 0; i < ARRAY_LENGTH(shown); i++) {
        const json_t *value = json_object_get(status, shown[i]);
        if (value != NULL && !is_blank(value))
            print_value(shown[i], value);
    }
    print_services(json_object_get(status, "init"));
    return 0;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct session_state *state = NULL;
    struct session_view view;
    struct error err = ERROR_INITIALIZER;
    command_begin("status", argc, argv, &line);
    int code = command_open_session(&line, line.arguments[0], &state);
    if (code != 0)
        return code;
    if (session_view_read(state, &view, &err) < 0) {
        session_state_free(state);
        return command_fail(&line, &err, EXIT_ENGINE);
    }
    json_t *status = session_view_json(&view);
    json_t *init = ask_init(&view);
    bool failed = status == NULL || json_object_set_new(status, "version", json_integer(1)) < 0 ||
                  (init != NULL && json_object_set_new(status, "init", init) < 0) ||
                  print_status(status, command_has(&line, "json")) < 0;
    json_decref(status);
    session_view_free(&view);
    return failed ? EXIT_HOST_INTERNAL : 0;
}
