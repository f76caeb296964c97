/* Raw mode and back. */
#include "sandbox/agent-attach/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/fd.h"

#define DEFAULT_ROWS 24
#define DEFAULT_COLUMNS 80

/* xterm's control sequences: colours, cursor, keypad, mouse, focus, paste, alternate screen. */
static const char reset_sequences[] =
    "\033[0m\033[?25h\033[?1l\033>\033[?1000l\033[?1002l\033[?1003l"
    "\033[?1005l\033[?1006l\033[?1004l\033[?2004l\033[?1049l\r\n";

int terminal_enter(struct terminal *terminal, struct error *err)
{
    struct termios raw;

    terminal->is_raw = false;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return error_set(err, ENOTTY, "attach");
    if (tcgetattr(STDIN_FILENO, &terminal->saved) < 0)
        return error_set(err, errno, "read the terminal's settings");
    for (int fd = 0; fd < 2; fd++) {
        terminal->saved_flags[fd] = fcntl(fd, F_GETFL);
        if (terminal->saved_flags[fd] < 0)
            return error_set(err, errno, "read the terminal's flags");
    }
    raw = terminal->saved;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
        return error_set(err, errno, "change the terminal's settings");
    terminal->is_raw = true;
    (void)fd_set_nonblocking(STDIN_FILENO, true);
    (void)fd_set_nonblocking(STDOUT_FILENO, true);
    return 0;
}

void terminal_leave(struct terminal *terminal, bool is_abrupt)
{
    if (!terminal->is_raw)
        return;
    /* Still non-blocking: a terminal that takes nothing keeps nobody here. */
    if (is_abrupt && write(STDOUT_FILENO, reset_sequences, sizeof(reset_sequences) - 1) < 0)
        terminal->is_raw = false; /* it is gone; what follows fails as harmlessly */
    for (int fd = 0; fd < 2; fd++)
        (void)fcntl(fd, F_SETFL, terminal->saved_flags[fd]);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal->saved);
    terminal->is_raw = false;
}

static unsigned short bounded(unsigned short value, unsigned short otherwise)
{
    if (value == 0)
        return otherwise;
    return value > FRAME_SIDE_MAX ? FRAME_SIDE_MAX : value;
}

struct frame_size terminal_size(void)
{
    struct winsize window = {.ws_row = 0};

    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &window) < 0)
        window = (struct winsize){.ws_row = 0};
    return (struct frame_size){.rows = bounded(window.ws_row, DEFAULT_ROWS),
                               .columns = bounded(window.ws_col, DEFAULT_COLUMNS)};
}
