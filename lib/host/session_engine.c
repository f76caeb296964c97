/* Asks the engine about a session's container and brings the recorded state up to date. */
#include "lib/host/session_engine.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/wire/audit.h"

#define POLL_INTERVAL_MS 50
/* 128 + SIGKILL, and what the engine reports for containers it lost. */
#define EXIT_KILLED 137
#define EXIT_ENGINE_LOST 255

int session_engine_select(const struct session_state *state, struct error *err)
{
    const char *host = state->engine_context;
    int result = host[0] == '\0' ? unsetenv("DOCKER_HOST") : setenv("DOCKER_HOST", host, 1);
    return result < 0 ? error_set(err, errno, "choose the engine of session %s", state->session)
                      : 0;
}

int session_engine_container(const struct session_state *state, bool *exists,
                             struct engine_container *container, struct error *err)
{
    int result = engine_container_state(state->container, container, err);
    if (result < 0 && result != -ENOENT)
        return result;
    *exists = result == 0;
    return 0;
}

bool session_keeper_is_alive(const char *session)
{
    char directory[PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (session_runtime_directory(session, directory, NULL) < 0)
        return false;
    int length =
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/sockets/root.sock", directory);
    if (length < 0 || (size_t)length >= sizeof(address.sun_path))
        return false;
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

const char *session_engine_cause(const struct engine_container *container)
{
    /* The engine sets the flag for any process of the container. */
    if (container->was_oom_killed && container->exit_code == EXIT_KILLED)
        return "the kernel ended it for lack of memory";
    if (container->exit_code == EXIT_KILLED)
        return "it was killed";
    if (container->exit_code == EXIT_ENGINE_LOST)
        return "the engine stopped or lost it";
    return "";
}

/* Looks at one event of the audit log. True ends the reading. */
typedef bool look_at_event(const char *event, const json_t *fields, void *context);

/* True when LOOK ended the reading of SESSION's log. */
static bool read_log(const char *session, look_at_event *look, void *context)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    if (session_state_directory(session, directory, NULL) < 0 ||
        path_format(path, "%s/events.jsonl", directory) < 0)
        return false;
    cleanup_file FILE *file = fopen(path, "re");
    cleanup_free char *line = NULL;
    size_t capacity = 0;
    bool is_done = false;
    while (file != NULL && !is_done && getline(&line, &capacity, file) > 0) {
        json_t *record = json_loads(line, 0, NULL);
        const char *event = json_string_value(json_object_get(record, "event"));
        is_done = event != NULL && look(event, json_object_get(record, "fields"), context);
        json_decref(record);
    }
    return is_done;
}

static bool is_event(const char *event, enum audit_event wanted)
{
    return strcmp(event, audit_event_name(wanted)) == 0;
}

static bool has_text(const json_t *fields, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(fields, key));
    return value != NULL && strcmp(value, text) == 0;
}

struct saved_work {
    bool has_booted; /* a run is on record */
    bool is_saved;   /* and its shutdown saved what there was */
};

/* A container that was started again has several runs: the last one counts. */
static bool look_for_save(const char *event, const json_t *fields, void *context)
{
    struct saved_work *work = context;
    if (is_event(event, AUDIT_BOOT_REPORT))
        *work = (struct saved_work){.has_booted = true};
    else if (is_event(event, AUDIT_SHUTDOWN_STEP) && has_text(fields, "step", "git"))
        work->is_saved = work->has_booted && (has_text(fields, "outcome", "down") ||
                                              has_text(fields, "outcome", "skipped"));
    return false;
}

bool session_engine_is_saved(const char *session)
{
    struct saved_work work = {.has_booted = false};
    (void)read_log(session, look_for_save, &work);
    return work.is_saved;
}

/* The keeper writes the end of a container that it has seen to its end: what is not in its log by
 * then was not said. */
static bool is_whole_end(const char *event, const json_t *fields)
{
    return is_event(event, AUDIT_SESSION_END) &&
           json_integer_value(json_object_get(fields, "exit_code")) >= 0;
}

/* True at the first sign of a run. */
static bool look_for_run(const char *event, const json_t *fields, void *context)
{
    bool *has_no_run = context;
    *has_no_run = *has_no_run || is_event(event, AUDIT_BOOT_REFUSED) || is_whole_end(event, fields);
    return is_event(event, AUDIT_BOOT_REPORT) || is_event(event, AUDIT_WORK_COMMITTED) ||
           is_event(event, AUDIT_WORK_PUSHED) ||
           (is_event(event, AUDIT_SHUTDOWN_STEP) && has_text(fields, "step", "git") &&
            has_text(fields, "outcome", "down"));
}

bool session_engine_never_ran(const char *session)
{
    bool has_no_run = false;
    return !read_log(session, look_for_run, &has_no_run) && has_no_run;
}

struct end_change {
    const struct engine_container *container;
    bool failed;
};

static bool replace_text(char **text, const char *value)
{
    char *copy = strdup(value);
    if (copy == NULL)
        return false;
    free(*text);
    *text = copy;
    return true;
}

static void record_end(struct session_state *state, void *context)
{
    struct end_change *change = context;
    if (state->phase == SESSION_ENDED || state->phase == SESSION_COLLECTED)
        return;
    state->phase = SESSION_ENDED;
    const char *cause = "the container is gone";
    if (change->container != NULL) {
        state->exit_code = change->container->exit_code;
        cause = session_engine_cause(change->container);
    }
    if (state->ended_at == NULL || state->ended_at[0] == '\0') {
        char now[CLOCK_TIMESTAMP_SIZE];
        clock_format(clock_realtime_ns(), now);
        change->failed = !replace_text(&state->ended_at, now);
    }
    if (state->cause == NULL || state->cause[0] == '\0')
        change->failed = !replace_text(&state->cause, cause) || change->failed;
}

static bool is_over(const struct session_state *state)
{
    return state->phase == SESSION_ENDED || state->phase == SESSION_COLLECTED;
}

static int reload(struct session_state **state, struct error *err)
{
    struct session_state *fresh = NULL;
    int result = session_state_load((*state)->session, &fresh, err);
    if (result < 0)
        return result;
    session_state_free(*state);
    *state = fresh;
    return 0;
}

int session_engine_await_end(struct session_state **state, const struct engine_container *container,
                             unsigned int timeout_ms, struct error *err)
{
    uint64_t deadline = clock_monotonic_ns() + timeout_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    int result = reload(state, err);
    while (result == 0 && !is_over(*state) && clock_monotonic_ns() < deadline &&
           session_keeper_is_alive((*state)->session)) {
        (void)poll(NULL, 0, POLL_INTERVAL_MS);
        result = reload(state, err);
    }
    if (result < 0 || is_over(*state))
        return result;
    struct end_change change = {.container = container, .failed = false};
    result = session_state_update((*state)->session, record_end, &change, err);
    if (result == 0 && change.failed)
        result = error_set(err, ENOMEM, "record the end of session %s", (*state)->session);
    return result < 0 ? result : reload(state, err);
}
