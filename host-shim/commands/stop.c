/* coding-agents stop: ends sessions in order, then fetches what they made. */
#include <errno.h>
#include <unistd.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/session_end.h"
#include "host-shim/commands/session_view.h"
#include "lib/host/session_engine.h"
#include "lib/host/session_log.h"

/* A launcher that sees its boot refused takes the session away, and its record with it. */
static bool is_undone(const char *session)
{
    char directory[PATH_MAX];
    return session_state_directory(session, directory, NULL) == 0 && access(directory, F_OK) < 0 &&
           errno == ENOENT;
}

/* 0 or an exit code. */
static int collect_one(const struct command_line *line, const struct session_state *state)
{
    bool is_wanted = !command_has(line, "no-push") && state->repository[0] != '\0' &&
                     state->push_enabled && state->phase == SESSION_ENDED;
    return is_wanted ? session_end_collect(line, state->session) : 0;
}

/* Takes STATE. 0 or an exit code. */
static int stop_one(const struct command_line *line, struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    struct engine_container container = {.is_running = false};
    bool exists = false;
    bool was_running = false;
    int code = 0;
    if (session_engine_container(state, &exists, &container, NULL) == 0 && exists &&
        container.is_running)
        fprintf(stderr, "stopping %s: its work is committed before it ends\n", state->session);
    bool has_ended = session_end(&state, SESSION_END_STOP, &was_running, &err) == 0;
    if (is_undone(state->session))
        fprintf(stderr, "%s has ended before it started work: nothing is lost, nothing is left\n",
                state->session);
    else if (!has_ended)
        code = command_fail(line, &err, EXIT_ENGINE);
    else if (session_log_never_ran(state->session))
        fprintf(stderr, "%s has ended with code %d before it started work: nothing is lost\n",
                state->session, state->exit_code);
    else {
        if (was_running)
            fprintf(stderr, "%s has ended with code %d\n", state->session, state->exit_code);
        else
            fprintf(stderr, "%s had ended already\n", state->session);
        code = collect_one(line, state);
    }
    session_state_free(state);
    return code;
}

/* Of a session on another engine than the one in force there is only the record to go by. */
static bool may_run(const struct session_view *view)
{
    return !view->is_lost &&
           (view->is_running || (!view->is_engine_known && view->state->phase == SESSION_RUNNING));
}

static int stop_all(const struct command_line *line)
{
    struct session_views views;
    struct error err = ERROR_INITIALIZER;
    if (session_views_read(&views, &err) < 0)
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    if (views.engine_error[0] != '\0') {
        error_set(&err, EINVAL, "%s", views.engine_error);
        session_views_free(&views);
        return command_fail(line, &err, EXIT_ENGINE);
    }
    int code = 0;
    for (size_t i = 0; i < views.count; i++) {
        struct session_state *state = NULL;
        if (!may_run(&views.items[i]))
            continue;
        int one = command_open_session(line, views.items[i].state->session, &state);
        if (one == 0)
            one = stop_one(line, state);
        code = code == 0 ? one : code;
    }
    session_views_free(&views);
    return code;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    command_begin("stop", argc, argv, &line);
    bool is_all = command_has(&line, "all");
    if (is_all == (line.argument_count > 0)) {
        error_set(&err, EINVAL, "name sessions, or write --all");
        return command_fail(&line, &err, EXIT_USAGE);
    }
    if (is_all)
        return stop_all(&line);
    int code = 0;
    for (size_t i = 0; i < line.argument_count; i++) {
        struct session_state *state = NULL;
        int one = command_open_session(&line, line.arguments[i], &state);
        if (one == 0)
            one = stop_one(&line, state);
        code = code == 0 ? one : code;
    }
    return code;
}
