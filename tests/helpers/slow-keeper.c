/*
 * slow-keeper MS:REFUSAL COMMAND...: runs COMMAND, which ends in a task runner, as the keeper of
 * its session, and reads nothing for so many milliseconds once so many refusals have come. Says a
 * line for each.
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/channel_frame.h"
#include "lib/wire/exec_event.h"

#define SOCKET "/run/coding-agents/slow-keeper.sock"
#define SESSION "aaaaaaa2"
#define ARGUMENTS_MAX 16

static union {
    struct {
        struct channel_header header;
        union {
            struct channel_hello hello;
            uint32_t event[2]; /* version and kind */
        } payload;
    } frame;
    char bytes[64 * 1024];
} said;

static volatile sig_atomic_t is_over;
static int pause_ms;
static long pause_at;

static void end(int number)
{
    (void)number;
    is_over = 1;
}

/* False when the runner is gone. */
static bool hear(int connection)
{
    ssize_t size = recv(connection, &said, sizeof(said), 0);
    if (size <= 0)
        return false;
    if (said.frame.header.type == CHANNEL_HELLO) {
        said.frame.header.type = CHANNEL_HELLO_REPLY;
        return send(connection, &said, (size_t)size, MSG_NOSIGNAL) == size;
    }
    if (said.frame.header.type != CHANNEL_EXEC_EVENT ||
        said.frame.payload.event[1] != EXEC_EVENT_REFUSED)
        return true;
    fputs("slow-keeper: a refusal\n", stderr);
    if (--pause_at == 0)
        (void)poll(NULL, 0, pause_ms);
    return true;
}

/* One runner after the other. */
static void keep(int listener)
{
    cleanup_fd int connection = -1;
    while (is_over == 0) {
        struct pollfd wait[] = {{.fd = listener, .events = POLLIN},
                                {.fd = connection, .events = POLLIN}};
        uid_t uid;
        if (poll(wait, ARRAY_LENGTH(wait), -1) < 0)
            continue;
        if (wait[1].revents != 0 && !hear(connection))
            cleanup_close(&connection);
        if (wait[0].revents != 0 && connection < 0)
            connection = unix_socket_accept(listener, &uid);
        else if (wait[0].revents != 0)
            (void)poll(NULL, 0, 1);
    }
}

static pid_t start(char **command, int count)
{
    static char words[][sizeof(SOCKET)] = {"--keeper", SOCKET, "--session", SESSION};
    char *arguments[ARGUMENTS_MAX + 1] = {NULL};
    for (int i = 0; i < count; i++)
        arguments[i] = command[i];
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        arguments[(size_t)count + i] = words[i];
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        execv(arguments[0], arguments);
        _exit(127);
    }
    return pid;
}

int main(int argc, char **argv)
{
    const struct sigaction ending = {.sa_handler = end};
    if (argc < 3 || argc + 2 > ARGUMENTS_MAX)
        return 2;
    char *rest = NULL;
    pause_ms = (int)strtol(argv[1], &rest, 10);
    pause_at = *rest == ':' ? strtol(rest + 1, NULL, 10) : 1;
    int listener = unix_socket_listen(SOCKET, 0600, 4);
    pid_t runner = listener < 0 ? -1 : start(argv + 2, argc - 2);
    if (runner < 0)
        return 1;
    sigaction(SIGTERM, &ending, NULL);
    keep(listener);
    (void)kill(runner, SIGTERM);
    return 0;
}
