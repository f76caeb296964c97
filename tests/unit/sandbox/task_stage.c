/* Forks the shell and the client, and plays the sandbox. */
#include "tests/unit/sandbox/task_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/unix_message.h"
#include "lib/base/unix_socket.h"
#include "sandbox/task-client/session.h"

static int open_pair(int *slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    assert_true(master >= 0);
    assert_int_equal(unlockpt(master), 0);
    *slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*slave >= 0);
    return master;
}

static void be_client(int connection) __attribute__((noreturn));
static void be_client(int connection)
{
    struct task_ending ending;

    if (task_session_run(connection, &ending, NULL) < 0)
        _exit(99);
    if (!ending.has_run)
        _exit(task_session_refuse(&ending.reply));
    task_session_end(ending.wait_status);
}

/* A shell with job control in one process: a session with the terminal, the client its foreground
 * job, and word of each change of it on a pipe. */
static void be_shell(int terminal, int connection, int statuses) __attribute__((noreturn));
static void be_shell(int terminal, int connection, int statuses)
{
    int status = 0;
    pid_t client;

    setsid();
    if (terminal >= 0) {
        ioctl(terminal, TIOCSCTTY, 0);
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
            dup2(terminal, fd);
    }
    client = fork();
    if (client == 0) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_IGN);
        if (terminal >= 0)
            tcsetpgrp(terminal, getpgrp());
        signal(SIGTTOU, SIG_DFL);
        be_client(connection);
    }
    close(connection);
    fd_write_all(statuses, &client, sizeof(client));
    do {
        waitpid(client, &status, WUNTRACED);
        fd_write_all(statuses, &status, sizeof(status));
    } while (WIFSTOPPED(status));
    _exit(0);
}

void stage_read(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t count;

        assert_int_equal(poll(&wait, 1, STAGE_PATIENCE_MS), 1);
        count = read(fd, at, size);
        assert_true(count > 0);
        at += count;
        size -= (size_t)count;
    }
}

void stage_begin(struct stage *stage, bool has_terminal)
{
    cleanup_fd int terminal = -1;
    int connection[2];
    int statuses[2];

    *stage = (struct stage){.outer = -1, .master = -1, .command = -1};
    if (has_terminal) {
        stage->outer = open_pair(&terminal);
        stage->master = open_pair(&stage->command);
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, connection), 0);
    assert_int_equal(pipe2(statuses, O_CLOEXEC), 0);
    stage->shell = fork();
    if (stage->shell == 0) {
        close(connection[0]);
        cleanup_close(&stage->outer);
        cleanup_close(&stage->master);
        cleanup_close(&stage->command);
        be_shell(terminal, connection[1], statuses[1]);
    }
    close(connection[1]);
    close(statuses[1]);
    stage->sandbox = connection[0];
    stage->statuses = statuses[0];
    stage_read(stage->statuses, &stage->client, sizeof(stage->client));
}

void stage_say(const struct stage *stage, const struct task_reply *reply, int fd)
{
    struct task_reply full = *reply;
    const struct unix_message message = {
        .data = &full, .size = sizeof(full), .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};

    full.header.version = TASK_PROTOCOL_VERSION;
    assert_int_equal(unix_message_send(stage->sandbox, &message), 0);
}

void stage_say_started(struct stage *stage)
{
    const struct task_reply reply = {.header.type = TASK_STARTED,
                                     .has_terminal = stage->master >= 0};

    stage_say(stage, &reply, stage->master);
    cleanup_close(&stage->master);
}

void stage_say_exited(const struct stage *stage, int wait_status)
{
    const struct task_reply reply = {.header.type = TASK_EXITED,
                                     .wait_status = (uint32_t)wait_status};

    stage_say(stage, &reply, -1);
}

int stage_next_status(const struct stage *stage)
{
    int status = 0;

    stage_read(stage->statuses, &status, sizeof(status));
    return status;
}

void stage_end(struct stage *stage)
{
    waitpid(stage->shell, NULL, 0);
    cleanup_close(&stage->sandbox);
    cleanup_close(&stage->outer);
    cleanup_close(&stage->master);
    cleanup_close(&stage->command);
    cleanup_close(&stage->statuses);
}

uint32_t stage_next_signal(const struct stage *stage)
{
    struct pollfd wait = {.fd = stage->sandbox, .events = POLLIN};
    struct task_signal message;
    int fd = -1;

    assert_int_equal(poll(&wait, 1, STAGE_PATIENCE_MS), 1);
    if (unix_socket_receive(stage->sandbox, &message, sizeof(message), &fd) != sizeof(message))
        return 0;
    assert_int_equal(message.header.type, TASK_SIGNAL);
    return message.signal;
}

/* Until the command's terminal, whose master the client has by now, can be asked of. */
void stage_wait_until_raw(const struct stage *stage, bool is_raw)
{
    for (int i = 0; i < STAGE_PATIENCE_MS; i++) {
        struct termios settings;

        assert_int_equal(tcgetattr(stage->outer, &settings), 0);
        if (((settings.c_lflag & ICANON) == 0) == is_raw)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("the terminal is never %s", is_raw ? "raw" : "restored");
}
