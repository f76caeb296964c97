/* Raw mode for the one in the foreground. */
#include "sandbox/task-client/terminal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"

/*
 * O_NONBLOCK belongs to the open file, which other processes share: it is set on one of our own,
 * else a killed client would leave it behind.
 */
static int open_again(int fd)
{
    char path[PATH_MAX];
    int result;

    (void)path_format(path, "/proc/self/fd/%d", fd);
    result = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return result >= 0 ? result : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

void task_terminal_open(struct task_terminal *terminal)
{
    int fd = 0;

    *terminal = (struct task_terminal){.fd = -1};
    while (fd <= STDERR_FILENO && isatty(fd) == 0)
        fd++;
    if (fd <= STDERR_FILENO)
        terminal->fd = open_again(fd);
}

void task_terminal_close(struct task_terminal *terminal)
{
    task_terminal_leave(terminal);
    cleanup_close(&terminal->fd);
}

bool task_terminal_is_foreground(const struct task_terminal *terminal)
{
    pid_t foreground = tcgetpgrp(terminal->fd);

    /* A terminal that is not the controlling one asks nobody who may read. */
    return foreground < 0 || foreground == getpgrp();
}

void task_terminal_enter(struct task_terminal *terminal)
{
    if (terminal->fd < 0 || terminal->is_raw || !task_terminal_is_foreground(terminal) ||
        tcgetattr(terminal->fd, &terminal->saved) < 0)
        return;
    terminal->raw = terminal->saved;
    cfmakeraw(&terminal->raw);
    if (tcsetattr(terminal->fd, TCSANOW, &terminal->raw) < 0)
        return;
    /* As the kernel keeps it, which is what leaving compares with. */
    terminal->is_raw = tcgetattr(terminal->fd, &terminal->raw) == 0;
}

static bool is_as_left(const struct task_terminal *terminal)
{
    struct termios now;

    return tcgetattr(terminal->fd, &now) == 0 && now.c_iflag == terminal->raw.c_iflag &&
           now.c_oflag == terminal->raw.c_oflag && now.c_cflag == terminal->raw.c_cflag &&
           now.c_lflag == terminal->raw.c_lflag &&
           memcmp(now.c_cc, terminal->raw.c_cc, sizeof(now.c_cc)) == 0;
}

/* Two clients of one pipeline each find what the other made of the terminal; this way the first
 * settings survive, in whatever order they leave. */
void task_terminal_leave(struct task_terminal *terminal)
{
    if (!terminal->is_raw)
        return;
    terminal->is_raw = false;
    if (is_as_left(terminal))
        (void)tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
}

void task_terminal_copy_size(const struct task_terminal *terminal, int master)
{
    struct winsize size;

    if (terminal->fd >= 0 && ioctl(terminal->fd, TIOCGWINSZ, &size) == 0)
        (void)ioctl(master, TIOCSWINSZ, &size);
}
