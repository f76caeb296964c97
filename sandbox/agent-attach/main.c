/* agent-attach: shows a person the interactive session of this container; bytes only, no
 * privileges. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "sandbox/agent-attach/pump.h"
#include "sandbox/agent-attach/terminal.h"

#define SIGNAL_EXIT_BASE 128

static int refuse(int exit_code, const char *sentence)
{
    fprintf(stderr, "agent-attach: %s\n", sentence);
    return exit_code;
}

/* The connected socket, or -errno. */
static int connect_session(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = ATTACH_SOCKET};
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    if (fd_set_nonblocking(fd, true) < 0)
        return -errno;
    return steal_fd(&fd);
}

static int explain_connect(int number)
{
    switch (number) {
    case ENOENT:
        return refuse(EXIT_SESSION,
                      "this session is not interactive, or is not up yet: there is no "
                      "terminal to attach to");
    case ECONNREFUSED:
        return refuse(EXIT_SESSION, "the agent of this session does not run any more");
    default:
        fprintf(stderr, "agent-attach: connect to '%s': %s\n", ATTACH_SOCKET, strerror(number));
        return EXIT_SESSION;
    }
}

static int explain_ending(const struct frame_exit *ending)
{
    switch ((enum frame_exit_reason)ending->reason) {
    case FRAME_EXIT_DETACHED:
        return 0;
    case FRAME_EXIT_ENDED:
        return ending->exit_code;
    case FRAME_EXIT_BUSY:
        return refuse(EXIT_SESSION, "too many terminals come at once; try again");
    case FRAME_EXIT_REPLACED:
        return refuse(EXIT_SESSION,
                      "another terminal took this one's place: too many are attached");
    case FRAME_EXIT_REFUSED:
        return refuse(EXIT_SESSION, "the session speaks another version of the attach protocol");
    case FRAME_EXIT_FAILED:
        return refuse(EXIT_SESSION, "tmux would not attach this terminal");
    }
    return EXIT_SESSION;
}

static int explain(const struct pump_result *result)
{
    switch (result->outcome) {
    case PUMP_ENDED_BY_SESSION:
        return explain_ending(&result->ending);
    case PUMP_PROTOCOL_BROKEN:
        return refuse(EXIT_SESSION, "the session sent something that is no attach protocol");
    case PUMP_SIGNALLED:
        return SIGNAL_EXIT_BASE + result->signal;
    case PUMP_TERMINAL_GONE:
        return SIGNAL_EXIT_BASE + SIGHUP;
    case PUMP_CONNECTION_LOST:
        /* Also what a caller sees whom the session does not serve. */
        return refuse(EXIT_SESSION, "the connection to the session was lost");
    }
    return EXIT_SESSION;
}

static bool is_abrupt(const struct pump_result *result)
{
    return result->outcome != PUMP_ENDED_BY_SESSION || result->ending.reason == FRAME_EXIT_REPLACED;
}

int main(int argc, char **argv)
{
    struct terminal terminal = {.is_raw = false};
    struct pump_result result = {.outcome = PUMP_CONNECTION_LOST};
    struct error err = ERROR_INITIALIZER;
    const char *name = getenv("TERM");
    cleanup_fd int socket = -1;
    int status;

    (void)argv;
    if (argc != 1)
        return refuse(EXIT_USAGE, "usage: agent-attach, without arguments");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return refuse(EXIT_USAGE, "standard input and output must be a terminal (docker exec -it)");
    socket = connect_session();
    if (socket < 0)
        return explain_connect(-socket);
    status = terminal_enter(&terminal, &err);
    if (status == 0)
        status = pump_run(socket, name != NULL ? name : "", &result, &err);
    terminal_leave(&terminal, status < 0 || is_abrupt(&result));
    if (status < 0)
        return refuse(EXIT_SESSION, error_text(&err));
    return explain(&result);
}
