/* coding-agents kill: ends sessions at once; their work stays in the volume. */
#include <errno.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/session_end.h"

/* Takes STATE. 0 or an exit code. */
static int kill_one(const struct command_line *line, struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    bool was_running = false;
    int code = 0;
    if (session_end(&state, SESSION_END_KILL, &was_running, &err) < 0) {
        code = command_fail(line, &err, EXIT_ENGINE);
    } else if (!was_running) {
        error_set(&err, EINVAL, "session %s had ended already", state->session);
        code = command_fail(line, &err, EXIT_SESSION);
    } else {
        printf("%s was killed; nothing was committed, its workspace is in the volume %s: "
               "coding-agents "
               "sync %s gets it\n",
               state->session, state->volume, state->session);
    }
    session_state_free(state);
    return code;
}

int main(int argc, char **argv)
{
    struct command_line line;
    int code = 0;
    command_begin("kill", argc, argv, &line);
    for (size_t i = 0; i < line.argument_count; i++) {
        struct session_state *state = NULL;
        int one = command_open_session(&line, line.arguments[i], &state);
        if (one == 0)
            one = kill_one(&line, state);
        code = code == 0 ? one : code;
    }
    return code;
}
