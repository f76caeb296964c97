/* Asks the Docker engine through its command line client, and reads its answers. */
#include "lib/host/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"

/* What the engine gives as the time of what has not happened begins so. */
#define NEVER "0001-01-01T"
#define ENGINE_ARGUMENTS_MAX 512
/* `docker inspect` of one object is a few KiB; a hostile label could make it larger, but not this
 * large. */
#define ENGINE_OUTPUT_MAX (8u * 1024 * 1024)

static bool tells_no_reason(const char *line)
{
    static const char *const beginnings[] = {"audit: ", "  ", "See 'docker", "Run 'docker"};
    bool has_found = false;
    for (size_t i = 0; i < ARRAY_LENGTH(beginnings); i++)
        has_found = has_found || strncmp(line, beginnings[i], strlen(beginnings[i])) == 0;
    return has_found;
}

/* The last line of TEXT that tells a reason, without one the last of all; of *LENGTH bytes. */
static const char *last_reason(const char *text, size_t *length)
{
    const char *found = "";
    *length = 0;
    for (const char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        size_t used = size;
        while (used > 0 && (line[used - 1] == ' ' || line[used - 1] == '\r'))
            used--;
        bool is_better = *length == 0 || tells_no_reason(found);
        if (used > 0 && (is_better || !tells_no_reason(line))) {
            found = line;
            *length = used;
        }
        line += size + (line[size] == '\n' ? 1 : 0);
    }
    return found;
}

void engine_reason(const char *text, char *reason, size_t size)
{
    static const char *const decorations[] = {
        "docker: ", "Error: ", "Error response from daemon: ", "ERROR: "};
    size_t length;
    const char *line = last_reason(text == NULL ? "" : text, &length);
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

int engine_choose(const char *host, struct error *err)
{
    if (setenv("DOCKER_HOST", host, 1) < 0 || unsetenv("DOCKER_CONTEXT") < 0)
        return error_set(err, errno, "choose the engine at %s", host);
    return 0;
}

int engine_read_id(char id[128], struct error *err)
{
    static const char *const arguments[] = {"info", "--format", "{{.ID}}", NULL};
    struct process_result result = {.output = NULL};
    int status = engine_run(arguments, 30000, &result, err);
    if (status < 0)
        return status;
    snprintf(id, 128, "%.*s", (int)strcspn(result.output, "\n"), result.output);
    process_result_free(&result);
    return id[0] == '\0' ? error_set(err, EPROTO, "the engine does not say which one it is") : 0;
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
    const char *started = json_string_value(json_object_get(state, "StartedAt"));
    *container = (struct engine_container){
        .has_started = started == NULL || strncmp(started, NEVER, strlen(NEVER)) != 0,
        .is_running = json_is_true(json_object_get(state, "Running")),
        .was_oom_killed = json_is_true(json_object_get(state, "OOMKilled")),
        .exit_code = (int)json_integer_value(json_object_get(state, "ExitCode")),
    };
    snprintf(container->started_at, sizeof(container->started_at), "%s",
             started == NULL ? "" : started);
    snprintf(container->error, sizeof(container->error), "%s", error == NULL ? "" : error);
    json_decref(object);
    return 0;
}
