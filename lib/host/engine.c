/* Asks the Docker engine through its command line client, and reads its answers. */
#include "lib/host/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"

#define ENGINE_ARGUMENTS_MAX 512
/* `docker inspect` of one object is a few KiB; a hostile label could make it larger, but not this
 * large. */
#define ENGINE_OUTPUT_MAX (8u * 1024 * 1024)

void engine_reason(const char *text, char *reason, size_t size)
{
    static const char *const decorations[] = {
        "docker: ", "Error: ", "Error response from daemon: ", "ERROR: "};
    size_t end = text == NULL ? 0 : strlen(text);
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    const char *line = text == NULL ? "" : text + start;
    size_t length = end - start;
    for (size_t i = 0; i < ARRAY_LENGTH(decorations); i++) {
        size_t skipped = strlen(decorations[i]);
        if (length > skipped && strncmp(line, decorations[i], skipped) == 0) {
            line += skipped;
            length -= skipped;
        }
    }
    snprintf(reason, size, "%.*s", (int)length, line);
}

static int run_client(const char *const *arguments, unsigned int timeout_ms,
                      struct process_result *result, struct error *err)
{
    const char *argv[ENGINE_ARGUMENTS_MAX] = {"docker"};
    size_t used = 1;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        if (used + 1 >= ENGINE_ARGUMENTS_MAX)
            return error_set(err, E2BIG, "docker %s", arguments[0]);
        argv[used++] = arguments[i];
    }
    struct process_spec spec = {
        .argv = argv,
        .standard_input = -1,
        .standard_output = -1,
        .standard_error = -1,
        .output_limit = ENGINE_OUTPUT_MAX,
        .timeout_ms = timeout_ms,
    };
    int status = process_run(&spec, result, err);
    if (status == -ENOENT)
        return error_set(
            err, EINVAL,
            "there is no docker command: install Docker Engine (apt-get install docker.io)");
    if (status < 0)
        return error_prefix(err, "docker %s", arguments[0]);
    return 0;
}

int engine_run(const char *const *arguments, unsigned int timeout_ms, struct process_result *result,
               struct error *err)
{
    int status = run_client(arguments, timeout_ms, result, err);
    if (status < 0)
        return status;
    if (process_is_success(result->wait_status))
        return 0;
    char reason[ERROR_MESSAGE_SIZE / 2];
    engine_reason(result->error_output, reason, sizeof(reason));
    int code = process_exit_code(result->wait_status);
    process_result_free(result);
    *result = (struct process_result){.output = NULL};
    error_set(err, EINVAL, "docker %s failed with code %d: %s", arguments[0], code, reason);
    if (err != NULL)
        err->number = EIO;
    return -EIO;
}

void engine_run_quietly(const char *const *arguments, unsigned int timeout_ms)
{
    struct process_result result = {.output = NULL};
    (void)engine_run(arguments, timeout_ms, &result, NULL);
    process_result_free(&result);
}

/* The client has no exit code for a missing object, only words. */
static bool says_missing(const char *text)
{
    return strcasestr(text, "no such") != NULL || strcasestr(text, "not found") != NULL;
}

int engine_inspect(const char *kind, const char *name, json_t **object, struct error *err)
{
    const char *const arguments[] = {"inspect", "--type", kind, name, NULL};
    struct process_result result = {.output = NULL};
    struct error local = ERROR_INITIALIZER;
    int status = engine_run(arguments, 60000, &result, &local);
    if (status == -EIO && says_missing(error_text(&local)))
        return error_set(err, ENOENT, "%s '%s'", kind, name);
    if (status < 0) {
        if (err != NULL)
            *err = local;
        return status;
    }
    json_error_t reason;
    json_t *list = json_loads(result.output, JSON_REJECT_DUPLICATES, &reason);
    process_result_free(&result);
    json_t *first = json_array_get(list, 0);
    bool is_object = json_is_object(first);
    if (is_object)
        *object = json_incref(first);
    json_decref(list);
    if (!is_object)
        return error_set(err, EPROTO,
                         "docker inspect of %s '%s' did not print what was expected: %s", kind,
                         name, reason.text);
    return 0;
}

int engine_container_state(const char *name, struct engine_container *container, struct error *err)
{
    json_t *object = NULL;
    int status = engine_inspect("container", name, &object, err);
    if (status < 0)
        return status;
    const json_t *state = json_object_get(object, "State");
    const char *error = json_string_value(json_object_get(state, "Error"));
    *container = (struct engine_container){
        .is_running = json_is_true(json_object_get(state, "Running")),
        .was_oom_killed = json_is_true(json_object_get(state, "OOMKilled")),
        .exit_code = (int)json_integer_value(json_object_get(state, "ExitCode")),
    };
    snprintf(container->error, sizeof(container->error), "%s", error == NULL ? "" : error);
    json_decref(object);
    return 0;
}
