/* Puts a filter between a program that a session controls and the user's terminal. */
#include "lib/host/terminal_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/base/syscalls.h"
#include "lib/host/terminal_filter.h"

#define CHUNK 16384

/* Reads to the end even when the terminal is gone: the writer is not to die of that. */
static void filter_stream(int from, int to)
{
    char input[CHUNK];
    static char output[TERMINAL_FILTER_OUTPUT(CHUNK)];
    struct terminal_filter filter = {.pending_size = 0};
    bool is_shown = true;
    for (;;) {
        ssize_t count = read(from, input, sizeof(input));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        size_t size = terminal_filter_run(&filter, input, (size_t)count, output);
        is_shown = is_shown && fd_write_all(to, output, size) == 0;
    }
    size_t rest = terminal_filter_finish(&filter, output);
    if (is_shown)
        (void)fd_write_all(to, output, rest);
}

/* Only in the child: nothing of the caller's is kept open by it. */
static void become_filter(int from, int to)
{
    int lifted = fcntl(from, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (lifted < 0 || dup2(to, STDOUT_FILENO) < 0 || dup2(lifted, STDIN_FILENO) < 0)
        _exit(1);
    (void)sys_close_range(STDERR_FILENO, UINT_MAX, 0);
    signal(SIGPIPE, SIG_IGN);
    filter_stream(STDIN_FILENO, STDOUT_FILENO);
    _exit(0);
}

int terminal_output_open(struct terminal_output *output, int to, struct error *err)
{
    *output = (struct terminal_output){.fd = to, .filter = -1};
    if (!isatty(to))
        return 0;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, errno, "make a pipe to the terminal");
    pid_t pid = fork();
    if (pid == 0)
        become_filter(ends[0], to);
    int result = pid < 0 ? -errno : sys_pidfd_open(pid, 0);
    close(ends[0]);
    if (result < 0) {
        close(ends[1]);
        return error_set(err, -result, "start the filter of the terminal");
    }
    *output = (struct terminal_output){.fd = ends[1], .filter = result};
    return 0;
}

static bool are_one_terminal(int one, int other)
{
    struct stat first;
    struct stat second;
    return isatty(one) && isatty(other) && fstat(one, &first) == 0 && fstat(other, &second) == 0 &&
           first.st_rdev == second.st_rdev;
}

int terminal_output_open_both(struct terminal_output outputs[2], struct error *err)
{
    outputs[1] = (struct terminal_output){.fd = -1, .filter = -1};
    int result = terminal_output_open(&outputs[0], STDOUT_FILENO, err);
    if (result < 0)
        return result;
    if (are_one_terminal(STDOUT_FILENO, STDERR_FILENO)) {
        outputs[1].fd = outputs[0].fd;
        return 0;
    }
    result = terminal_output_open(&outputs[1], STDERR_FILENO, err);
    if (result < 0)
        terminal_output_close(&outputs[0]);
    return result;
}

void terminal_output_close(struct terminal_output *output)
{
    int wait_status;
    if (output->filter >= 0) {
        close(output->fd);
        (void)process_wait(output->filter, 0, &wait_status);
        close(output->filter);
    }
    *output = (struct terminal_output){.fd = -1, .filter = -1};
}

void terminal_output_close_both(struct terminal_output outputs[2])
{
    terminal_output_close(&outputs[0]);
    terminal_output_close(&outputs[1]);
}
