/* After the container's end: tells why, brings the work back, and chooses the exit code. */
#include <errno.h>
#include <unistd.h>

#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/host/install_paths.h"
#include "lib/host/session_engine.h"
#include "lib/host/session_log.h"
#include "lib/wire/session.h"

/*
 * A signal that arrives while runc has not yet become our PID 1 ends it with 2, as any program in
 * Go: boot's first line is missing. What that proves is little, so all of it is kept.
 */
static bool is_stillborn(const struct launch *launch, int code)
{
    if (launch->passed_signal == 0 || code != 2)
        return false;
    struct process_result result = {.output = NULL};
    int status =
        engine_run((const char *const[]){"logs", launch->container, NULL}, 0, &result, NULL);
    bool is_silent = status == 0 && result.output_size == 0 && result.error_output_size == 0;
    process_result_free(&result);
    return is_silent;
}

/* Runs `coding-agents-collect SESSION`, its report on stderr: stdout is the agent's. */
static int collect(const struct launch *launch, int *code, struct error *err)
{
    char program[PATH_MAX];
    int status = install_path_libexec("coding-agents-collect", program, err);
    if (status < 0)
        return status;
    const char *const argv[] = {program, launch->session, NULL};
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = -1,
                                      .standard_output = STDERR_FILENO,
                                      .standard_error = STDERR_FILENO};
    struct process_result result = {.output = NULL};
    status = process_run(&spec, &result, err);
    *code = process_exit_code(result.wait_status);
    process_result_free(&result);
    return status;
}

static void bring_back(struct launch *launch)
{
    struct error err = ERROR_INITIALIZER;
    int code = 0;
    if (launch->options.no_push) {
        launch_say("the work of session %s stays in its volume; coding-agents sync %s brings it",
                   launch->branch.name, launch->session);
        return;
    }
    int status = collect(launch, &code, &err);
    if (status == 0 && code == 0)
        return;
    if (status < 0)
        launch_say("%s", error_text(&err));
    launch_say(
        "the work of session %s is in its volume; coding-agents sync %s tries again to bring it",
        launch->branch.name, launch->session);
    if (launch->exit_code == 0)
        launch->exit_code = EXIT_COLLECT;
}

static void say_kept(const struct launch *launch)
{
    launch_say("the work of session %s is kept in its volume; coding-agents sync %s brings it",
               launch->branch.name, launch->session);
}

void finish_lost(struct launch *launch, int code)
{
    struct error err = ERROR_INITIALIZER;
    struct session_state *state = NULL;
    keeper_client_await_end(&launch->keeper);
    launch->exit_code = code != 0 ? code : EXIT_ENGINE;
    int status = session_state_load(launch->session, &state, &err);
    if (status == 0)
        status = session_engine_await_end(&state, NULL, 0, &err);
    launch_say("%s", status < 0 ? error_text(&err) : state->cause);
    session_state_free(state);
    say_kept(launch);
}

int finish_session(struct launch *launch, int code, struct error *err)
{
    struct session_state *state = NULL;
    keeper_client_await_end(&launch->keeper);
    launch->exit_code = code;
    if (session_state_load(launch->session, &state, NULL) < 0)
        state = NULL;
    const char *cause = state == NULL ? "" : state->cause;
    int status = 0;
    if (session_log_never_ran(launch->session) ||
        session_log_was_refused_unheard(launch->container, code))
        status = error_set(err, EINVAL, "%s",
                           cause[0] != '\0' ? cause : "boot was refused; its words are above");
    else if (cause[0] != '\0')
        launch_say("%s", cause);
    session_state_free(state);
    if (status == 0 && is_stillborn(launch, code)) {
        launch->exit_code = 128 + launch->passed_signal;
        say_kept(launch);
    } else if (status == 0) {
        bring_back(launch);
    }
    return status;
}
