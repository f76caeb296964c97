/* coding-agents logs: what the program of a session printed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/session_view.h"
#include "host-shim/commands/terminal_filter.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"

#define CHUNK 16384

struct stream {
    int from; /* owned; -1 when it ended */
    int to;   /* ours */
    bool is_filtered;
    struct terminal_filter filter;
};

/* Passes on what is there. False when our own output is gone. */
static bool pass_on(struct stream *stream)
{
    char input[CHUNK];
    static char output[TERMINAL_FILTER_OUTPUT(CHUNK)];
    ssize_t count = read(stream->from, input, sizeof(input));
    if (count < 0 && errno == EINTR)
        return true;
    if (count <= 0) {
        size_t rest = terminal_filter_finish(&stream->filter, output);
        close(steal_fd(&stream->from));
        return fd_write_all(stream->to, output, rest) == 0;
    }
    if (!stream->is_filtered)
        return fd_write_all(stream->to, input, (size_t)count) == 0;
    size_t size = terminal_filter_run(&stream->filter, input, (size_t)count, output);
    return fd_write_all(stream->to, output, size) == 0;
}

static void pump(struct stream streams[2])
{
    while (streams[0].from >= 0 || streams[1].from >= 0) {
        struct pollfd polls[2] = {{.fd = streams[0].from, .events = POLLIN},
                                  {.fd = streams[1].from, .events = POLLIN}};
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            return;
        for (int i = 0; i < 2; i++) {
            if (polls[i].revents != 0 && !pass_on(&streams[i]))
                return;
        }
    }
}

/* Runs the client with its two streams through the filters, and answers its exit code. */
static int run_client(const struct command_line *line, const char *const *arguments)
{
    struct error err = ERROR_INITIALIZER;
    int output[2] = {-1, -1};
    int errors[2] = {-1, -1};
    bool is_raw = command_has(line, "raw");
    if (pipe2(output, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0) {
        error_set(&err, errno, "read the log");
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    }
    struct process_spec spec = {
        .argv = arguments,
        .standard_input = -1,
        .standard_output = output[1],
        .standard_error = errors[1],
    };
    pid_t pid;
    cleanup_fd int pidfd = -1;
    if (process_start(&spec, &pid, &pidfd, &err) < 0)
        return command_fail(line, &err, EXIT_ENGINE);
    close(output[1]);
    close(errors[1]);
    struct stream streams[2] = {
        {.from = output[0], .to = STDOUT_FILENO, .is_filtered = !is_raw && isatty(STDOUT_FILENO)},
        {.from = errors[0], .to = STDERR_FILENO, .is_filtered = !is_raw && isatty(STDERR_FILENO)},
    };
    pump(streams);
    cleanup_close(&streams[0].from);
    cleanup_close(&streams[1].from);
    int status = 0;
    int result = process_wait(pidfd, 0, &status);
    return result == 0 && process_is_success(status) ? 0 : EXIT_ENGINE;
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
