/* Stops or kills a session's container and waits until that is on record. */
#include "host-shim/commands/session_end.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/process.h"
#include "lib/host/engine.h"
#include "lib/host/install_paths.h"
#include "lib/host/session_engine.h"

/* The engine's own grace is in the container (--stop-timeout); this is for an engine that hangs. */
#define STOP_MS (2 * 60 * 60 * 1000)
#define KILL_MS 60000
/* The keeper drains, writes and removes the network. */
#define END_RECORDED_MS 60000

static int end_container(const struct session_state *state, enum session_end_way way,
                         struct error *err)
{
    const char *const arguments[] = {way == SESSION_END_STOP ? "stop" : "kill", state->container,
                                     NULL};
    struct process_result result = {.output = NULL};
    int outcome = engine_run(arguments, way == SESSION_END_STOP ? STOP_MS : KILL_MS, &result, err);
    if (outcome == 0)
        process_result_free(&result);
    return outcome;
}

int session_end(struct session_state **state, enum session_end_way way, bool *was_running,
                struct error *err)
{
    struct engine_container container = {.is_running = false};
    bool exists = false;
    int result = session_engine_container(*state, &exists, &container, err);
    if (result < 0)
        return result;
    bool is_running = exists && container.is_running;
    if (is_running) {
        result = end_container(*state, way, err);
        if (result == 0)
            result = session_engine_container(*state, &exists, &container, err);
        if (result < 0)
            return result;
    }
    if (was_running != NULL)
        *was_running = is_running;
    return session_engine_await_end(state, exists ? &container : NULL, END_RECORDED_MS, err);
}

int session_end_collect(const struct command_line *line, const char *session)
{
    struct error err = ERROR_INITIALIZER;
    char program[PATH_MAX];
    if (install_path_libexec("coding-agents-collect", program, &err) < 0)
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    const char *const arguments[] = {program, session, NULL};
    struct process_spec spec = {
        .argv = arguments,
        .standard_input = -1,
        .standard_output = STDOUT_FILENO,
        .standard_error = STDERR_FILENO,
    };
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    cleanup_fd int pidfd = -1;
    pid_t pid;
    int status = 0;
    fflush(stdout);
    /* ^C is the collector's, which ends in order; we tell how. */
    sigaction(SIGINT, &ignore, &before);
    int result = process_start(&spec, &pid, &pidfd, &err);
    if (result == 0)
        result = process_wait(pidfd, 0, &status);
    sigaction(SIGINT, &before, NULL);
    return result < 0 ? command_fail(line, &err, EXIT_HOST_INTERNAL) : process_exit_code(status);
}
