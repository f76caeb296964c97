/* coding-agents logs: what the program of a session printed. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/session_view.h"
#include "lib/base/cleanup.h"
#include "lib/base/process.h"
#include "lib/host/terminal_output.h"

/* Runs the client, its words filtered for a terminal unless they are wanted raw. Its exit code. */
static int run_client(const struct command_line *line, const char *const *arguments)
{
    struct error err = ERROR_INITIALIZER;
    struct terminal_output outputs[2] = {{.fd = STDOUT_FILENO, .filter = -1},
                                         {.fd = STDERR_FILENO, .filter = -1}};
    if (!command_has(line, "raw") && terminal_output_open_both(outputs, &err) < 0)
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    const struct process_spec spec = {
        .argv = arguments,
        .standard_input = -1,
        .standard_output = outputs[0].fd,
        .standard_error = outputs[1].fd,
    };
    pid_t pid;
    cleanup_fd int pidfd = -1;
    int wait_status = 0;
    int result = process_start(&spec, &pid, &pidfd, &err);
    bool has_started = result == 0;
    if (has_started)
        result = process_wait(pidfd, 0, &wait_status);
    terminal_output_close(&outputs[0]);
    terminal_output_close(&outputs[1]);
    if (!has_started)
        return command_fail(line, &err, EXIT_ENGINE);
    return result == 0 && process_is_success(wait_status) ? 0 : EXIT_ENGINE;
}

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
    code = run_client(&line, arguments);
    session_view_free(&view);
    return code;
}
