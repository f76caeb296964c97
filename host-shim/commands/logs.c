/* coding-agents logs: what the program of a session printed. */
#include <errno.h>
#include <string.h>

#include "host-shim/commands/client_run.h"
#include "host-shim/commands/session_view.h"

int main(int argc, char **argv)
{
    struct command_line line;
    struct session_state *state = NULL;
    struct error err = ERROR_INITIALIZER;
    command_begin("logs", argc, argv, &line);
    const char *tail = command_value(&line, "tail");
    if (tail != NULL && (tail[0] == '\0' || strspn(tail, "0123456789") != strlen(tail))) {
        error_set(&err, EINVAL, "--tail wants a number of lines, not '%s'", tail);
        return command_fail(&line, &err, EXIT_USAGE);
    }
    int code = command_open_session(&line, line.arguments[0], &state);
    if (code != 0)
        return code;
    struct session_view view;
    if (session_view_read(state, &view, &err) < 0) {
        session_state_free(state);
        return command_fail(&line, &err, EXIT_ENGINE);
    }
    if (!view.has_container) {
        error_set(&err, EINVAL, "the container of session %s is gone, and what it printed with it",
                  view.state->session);
        return command_fail(&line, &err, EXIT_SESSION);
    }
    const char *arguments[8] = {"docker", "logs"};
    size_t used = 2;
    if (command_has(&line, "follow"))
        arguments[used++] = "--follow";
    if (tail != NULL) {
        arguments[used++] = "--tail";
        arguments[used++] = tail;
    }
    arguments[used] = view.state->container;
    code = client_run(&line, arguments, command_has(&line, "raw"));
    session_view_free(&view);
    return code;
}
