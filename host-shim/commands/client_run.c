/* Runs the docker client with its output filtered. */
#include "host-shim/commands/client_run.h"

#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/process.h"
#include "lib/host/terminal_output.h"

int client_run(const struct command_line *line, const char *const *arguments, bool is_raw)
{
    struct error err = ERROR_INITIALIZER;
    struct terminal_output outputs[2] = {{.fd = STDOUT_FILENO, .filter = -1},
                                         {.fd = STDERR_FILENO, .filter = -1}};
    if (!is_raw && terminal_output_open_both(outputs, &err) < 0)
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
