/* The two ways in which tmux is executed, and the pty of a client. */
#include "sandbox/agentcli-exec/tmux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "sandbox/agentcli-exec/places.h"
#include "sandbox/confine/environment.h"

/* Debian's ncurses-base has this one; tmux refuses a terminal without a description. */
#define FALLBACK_TERMINAL "xterm-256color"

static const char *const terminfo_directories[] = {"/etc/terminfo", "/lib/terminfo",
                                                   "/usr/share/terminfo"};

int tmux_serve(const struct string_list *environment, bool is_persistent, pid_t *pid, int *pidfd,
               struct error *err)
{
    static const char *const once[] = {
        "tmux", "-D", "-u", "-S", PLACE_TMUX_SOCKET, "-f", PLACE_TMUX_CONFIGURATION, NULL};
    static const char *const persistent[] = {"tmux",
                                             "-D",
                                             "-u",
                                             "-S",
                                             PLACE_TMUX_SOCKET,
                                             "-f",
                                             PLACE_TMUX_PERSISTENT,
                                             "-f",
                                             PLACE_TMUX_CONFIGURATION,
                                             NULL};
    const struct process_spec spec = {
        .argv = is_persistent ? persistent : once,
        .environment = (const char *const *)environment->items,
        .standard_input = -1,
        .standard_output = STDERR_FILENO,
        .standard_error = STDERR_FILENO,
    };

    return process_start(&spec, pid, pidfd, err);
}

int tmux_knock(const struct string_list *environment, pid_t *pid, int *pidfd, struct error *err)
{
    /* -N: a client that finds no server would otherwise become one. */
    static const char *const argv[] = {"tmux", "-N", "-S", PLACE_TMUX_SOCKET, "start-server", NULL};
    const struct process_spec spec = {
        .argv = argv,
        .environment = (const char *const *)environment->items,
        .standard_input = -1,
        .standard_output = -1,
        .standard_error = -1,
    };

    return process_start(&spec, pid, pidfd, err);
}

static bool is_described(const char *terminal)
{
    for (size_t i = 0; i < ARRAY_LENGTH(terminfo_directories); i++) {
        char path[PATH_MAX];

        if (path_format(path, "%s/%c/%s", terminfo_directories[i], terminal[0], terminal) == 0 &&
            access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static int make_environment(const struct string_list *from, const char *terminal,
                            struct string_list *to)
{
    for (size_t i = 0; i < from->count; i++)
        string_list_add(to, from->items[i]);
    string_list_format(to, "TERM=%s", is_described(terminal) ? terminal : FALLBACK_TERMINAL);
    return to->has_failed ? -ENOMEM : 0;
}

static int open_terminal(const struct frame_size *size, int *master, int *slave)
{
    const struct winsize window = {.ws_row = size->rows, .ws_col = size->columns};
    cleanup_fd int opened = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cleanup_fd int other = -1;

    if (opened < 0 || unlockpt(opened) < 0)
        return -errno;
    other = ioctl(opened, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (other < 0 || ioctl(opened, TIOCSWINSZ, &window) < 0)
        return -errno;
    *master = steal_fd(&opened);
    *slave = steal_fd(&other);
    return fd_set_nonblocking(*master, true);
}

/* In the child, with the pty at 0 to 2. */
static int take_terminal(void *context)
{
    (void)context;
    return setsid() < 0 || ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

int tmux_attach(const struct string_list *environment, const struct frame_hello *hello,
                int *terminal, pid_t *pid, int *pidfd)
{
    static const char *const argv[] = {
        "tmux", "-u", "-S", PLACE_TMUX_SOCKET, "attach", "-t", PLACE_TMUX_SESSION, NULL};
    cleanup_string_list struct string_list own = {0};
    cleanup_fd int master = -1;
    cleanup_fd int slave = -1;
    int result = make_environment(environment, hello->terminal, &own);

    if (result == 0)
        result = open_terminal(&hello->size, &master, &slave);
    if (result == 0) {
        const struct process_spec spec = {
            .argv = argv,
            .environment = (const char *const *)own.items,
            .standard_input = slave,
            .standard_output = slave,
            .standard_error = slave,
            .prepare = take_terminal,
        };

        result = process_start(&spec, pid, pidfd, NULL);
    }
    if (result == 0)
        *terminal = steal_fd(&master);
    return result;
}
