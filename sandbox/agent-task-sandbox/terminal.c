/* Opens a pair of pseudo terminals in the sandbox's own /dev/pts. */
#include "sandbox/agent-task-sandbox/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "lib/base/cleanup.h"

/* What cannot be copied stays at the kernel's defaults. */
static void copy_settings(int from, int to)
{
    struct termios settings;
    struct winsize size;

    if (tcgetattr(from, &settings) == 0)
        (void)tcsetattr(to, TCSANOW, &settings);
    if (ioctl(from, TIOCGWINSZ, &size) == 0)
        (void)ioctl(to, TIOCSWINSZ, &size);
}

static int find_original(const struct streams *streams)
{
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        if (streams->items[i].is_terminal)
            return streams->items[i].fd;
    }
    return -1;
}

int terminal_open(struct terminal *terminal, const struct streams *streams, struct error *err)
{
    int unlocked = 0;
    cleanup_fd int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    cleanup_fd int slave = -1;

    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
        return error_set(err, errno, "open a terminal");
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return error_set(err, errno, "open the command's side of a terminal");
    copy_settings(find_original(streams), slave);
    if (ioctl(slave, TIOCSCTTY, 0) < 0)
        return error_set(err, errno, "make the terminal the controlling one");
    terminal->master = steal_fd(&master);
    terminal->slave = steal_fd(&slave);
    return 0;
}

void terminal_close(struct terminal *terminal)
{
    cleanup_close(&terminal->master);
    cleanup_close(&terminal->slave);
}
