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

#define POLL_INTERVAL_MS 50
/* 128 + SIGKILL, and what the engine reports for containers it lost. */
#define EXIT_KILLED 137
#define EXIT_ENGINE_LOST 255

int session_engine_select(const struct session_state *state, struct error *err)
{
    const char *host = state->engine_context;
    char id[128];
    int result = host[0] == '\0' ? 0 : engine_choose(host, err);
    if (result < 0 || state->engine_id[0] == '\0')
        return result;
    result = engine_read_id(id, err);
    if (result < 0 || strcmp(id, state->engine_id) == 0)
        return result;
    return error_set(err, EINVAL,
                     "the engine at %s is not the one that session %s was started on, which has "
                     "its work: start that one there again",
                     host, state->session);
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

bool session_engine_ran_again(const struct session_state *state,
                              const struct engine_container *container)
{
    uint64_t ended = 0;
    uint64_t started = 0;
    return state->ended_at != NULL && clock_parse(state->ended_at, &ended) == 0 &&
           clock_parse(container->started_at, &started) == 0 && started > ended;
}

/* True when the recorded end is the end of the container's last run. */
static bool is_over(const struct session_state *state, const struct engine_container *container)
{
    return (state->phase == SESSION_ENDED || state->phase == SESSION_COLLECTED) &&
           (container == NULL || !session_engine_ran_again(state, container));
}

static void record_end(struct session_state *state, void *context)
{
    struct end_change *change = context;
    if (is_over(state, change->container))
        return;
    bool is_again = state->phase == SESSION_ENDED || state->phase == SESSION_COLLECTED;
    state->phase = SESSION_ENDED;
    const char *cause = "the container is gone";
    if (change->container != NULL) {
        state->exit_code = change->container->exit_code;
        cause = session_engine_cause(change->container);
    }
    if (is_again || state->ended_at == NULL || state->ended_at[0] == '\0') {
        char now[CLOCK_TIMESTAMP_SIZE];
        clock_format(clock_realtime_ns(), now);
        change->failed = !replace_text(&state->ended_at, now);
    }
    if (is_again || state->cause == NULL || state->cause[0] == '\0')
        change->failed = !replace_text(&state->cause, cause) || change->failed;
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
    while (result == 0 && !is_over(*state, container) && clock_monotonic_ns() < deadline &&
           session_keeper_is_alive((*state)->session)) {
        (void)poll(NULL, 0, POLL_INTERVAL_MS);
        result = reload(state, err);
    }
    if (result < 0 || is_over(*state, container))
        return result;
    if (container == NULL && session_keeper_is_alive((*state)->session))
        return error_set(err, EINVAL,
                         "session %s has no container in the engine, but its keeper waits for one: "
                         "try again in a moment",
                         (*state)->session);
    struct end_change change = {.container = container, .failed = false};
    result = session_state_update((*state)->session, record_end, &change, err);
    if (result == 0 && change.failed)
        result = error_set(err, ENOMEM, "record the end of session %s", (*state)->session);
    return result < 0 ? result : reload(state, err);
}
