/* coding-agents connect: this terminal, to the terminal of an interactive session. */
#include <errno.h>
#include <unistd.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/session_view.h"
#include "lib/base/cleanup.h"
#include "lib/host/attach.h"
#include "lib/host/signals.h"

static int check(const struct session_view *view, struct error *err)
{
    const char *session = view->state->session;
    if (!view->is_running)
        return error_set(err, EINVAL,
                         "session %s does not run (%s): coding-agents status %s tells more",
                         session, view->phase, session);
    if (!view->state->is_interactive)
        return error_set(
            err, EINVAL,
            "session %s runs a command without a terminal: coding-agents logs %s --follow "
            "shows what it prints",
            session, session);
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return error_set(err, EINVAL, "connect needs a terminal on its input and output");
    return 0;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct session_state *state = NULL;
    struct session_view view;
    struct error err = ERROR_INITIALIZER;
    command_begin("connect", argc, argv, &line);
    int code = command_open_session(&line, line.arguments[0], &state);
    if (code != 0)
        return code;
    if (session_view_read(state, &view, &err) < 0)
        return command_fail(&line, &err, EXIT_ENGINE);
    if (check(&view, &err) < 0)
        return command_fail(&line, &err, EXIT_SESSION);
    cleanup_fd int signals = signals_hold(&err);
    if (signals < 0)
        return command_fail(&line, &err, EXIT_HOST_INTERNAL);
    if (attach_terminal(view.state->container, signals, &code, &err) < 0)
        return command_fail(&line, &err, EXIT_ENGINE);
    return code;
}
