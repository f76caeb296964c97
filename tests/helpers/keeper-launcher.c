/* Stands where the launcher stands: starts a keeper on a socket pair and passes lines between it
 * and the standard streams. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fd.h"

static void exec_keeper(int fd, char **argv, int argc)
{
    char *arguments[16] = {argv[1]};
    char number[16];
    snprintf(number, sizeof(number), "%d", fd);
    for (int i = 2; i < argc && i < 12; i++)
        arguments[i - 1] = argv[i];
    arguments[argc - 1] = (char[]){"--control-fd"};
    arguments[argc] = number;
    execv(argv[1], arguments);
}

/* Copies what there is. False at the end. */
static int pass(int from, int to)
{
    char data[4096];
    ssize_t count = read(from, data, sizeof(data));
    return count > 0 && fd_write_all(to, data, (size_t)count) == 0;
}

int main(int argc, char **argv)
{
    int ends[2];
    if (argc < 2 || argc > 12 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 2;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        exec_keeper(ends[1], argv, argc);
        return 127;
    }
    close(ends[1]);
    waitpid(pid, NULL, 0);
    struct pollfd waits[2] = {{.fd = ends[0], .events = POLLIN},
                              {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        if (poll(waits, 2, -1) < 0)
            continue;
        if (waits[0].revents != 0 && !pass(ends[0], STDOUT_FILENO))
            return 0;
        /* The end of the input is not the end of the launcher. */
        if (waits[1].revents != 0 && !pass(STDIN_FILENO, ends[0]))
            waits[1].fd = -1;
    }
}
