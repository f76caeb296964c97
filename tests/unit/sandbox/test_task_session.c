/*
 * A client from the start of its command to its end, with real terminals: the test is the person at
 * the outer one, the sandbox behind the connection, and the command at the inner one.
 */
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

#define PATIENCE_MS 10000
#define LAST_WORDS (256 * 1024)

struct stage {
    int sandbox;  /* our end of the connection */
    int outer;    /* the master of the client's terminal; -1 without */
    int master;   /* of the command's; handed over, and kept here until then */
    int command;  /* the command's side of it */
    int statuses; /* what the shell above the client saw, as waitpid told it */
    pid_t shell;
    pid_t client;
};

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

static void read_exactly(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t count;

        assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
        count = read(fd, at, size);
        assert_true(count > 0);
        at += count;
        size -= (size_t)count;
    }
}

static void begin(struct stage *stage, bool has_terminal)
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
    read_exactly(stage->statuses, &stage->client, sizeof(stage->client));
}

static void say(const struct stage *stage, const struct task_reply *reply, int fd)
{
    struct task_reply full = *reply;
    const struct unix_message message = {
        .data = &full, .size = sizeof(full), .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};

    full.header.version = TASK_PROTOCOL_VERSION;
    assert_int_equal(unix_message_send(stage->sandbox, &message), 0);
}

static void say_started(struct stage *stage)
{
    const struct task_reply reply = {.header.type = TASK_STARTED,
                                     .has_terminal = stage->master >= 0};

    say(stage, &reply, stage->master);
    cleanup_close(&stage->master);
}

static void say_exited(const struct stage *stage, int wait_status)
{
    const struct task_reply reply = {.header.type = TASK_EXITED,
                                     .wait_status = (uint32_t)wait_status};

    say(stage, &reply, -1);
}

static int next_status(const struct stage *stage)
{
    int status = 0;

    read_exactly(stage->statuses, &status, sizeof(status));
    return status;
}

static void end(struct stage *stage)
{
    waitpid(stage->shell, NULL, 0);
    cleanup_close(&stage->sandbox);
    cleanup_close(&stage->outer);
    cleanup_close(&stage->master);
    cleanup_close(&stage->command);
    cleanup_close(&stage->statuses);
}

/* The next signal that the client hands on; 0 when it says none. */
static uint32_t next_signal(const struct stage *stage)
{
    struct pollfd wait = {.fd = stage->sandbox, .events = POLLIN};
    struct task_signal message;
    int fd = -1;

    assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
    if (unix_socket_receive(stage->sandbox, &message, sizeof(message), &fd) != sizeof(message))
        return 0;
    assert_int_equal(message.header.type, TASK_SIGNAL);
    return message.signal;
}

/* Until the command's terminal, whose master the client has by now, can be asked of. */
static void wait_until_raw(const struct stage *stage, bool is_raw)
{
    for (int i = 0; i < PATIENCE_MS; i++) {
        struct termios settings;

        assert_int_equal(tcgetattr(stage->outer, &settings), 0);
        if (((settings.c_lflag & ICANON) == 0) == is_raw)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("the terminal is never %s", is_raw ? "raw" : "restored");
}

static void test_every_end(void **state)
{
    struct stage stage;

    (void)state;
    for (int code = 0; code < 256; code++) {
        begin(&stage, false);
        say_started(&stage);
        say_exited(&stage, W_EXITCODE(code, 0));
        assert_int_equal(next_status(&stage), W_EXITCODE(code, 0));
        end(&stage);
    }
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        if (signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH ||
            (signal >= SIGSTOP && signal <= SIGTTOU) || (signal > SIGSYS && signal < SIGRTMIN))
            continue;
        begin(&stage, false);
        say_started(&stage);
        say_exited(&stage, W_EXITCODE(0, signal) | WCOREFLAG);
        assert_int_equal(next_status(&stage), W_EXITCODE(0, signal));
        end(&stage);
    }
}

static void test_refusals(void **state)
{
    struct task_reply reply = {.header.type = TASK_DENIED, .code = 126, .text = "denied by rule x"};
    char text[64] = "";
    struct stage stage;

    (void)state;
    begin(&stage, true);
    say(&stage, &reply, -1);
    read_exactly(stage.outer, text, strlen(reply.text) + 2);
    assert_string_equal(text, "denied by rule x\r\n");
    assert_int_equal(next_status(&stage), W_EXITCODE(126, 0));
    end(&stage);
    reply = (struct task_reply){.header.type = TASK_FAILED, .code = 127};
    begin(&stage, false);
    say(&stage, &reply, -1);
    assert_int_equal(next_status(&stage), W_EXITCODE(127, 0));
    end(&stage);
}

static void test_lost(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage, false);
    cleanup_close(&stage.sandbox);
    assert_int_equal(next_status(&stage), W_EXITCODE(99, 0));
    end(&stage);
    begin(&stage, true);
    say_started(&stage);
    wait_until_raw(&stage, true);
    cleanup_close(&stage.sandbox);
    assert_int_equal(next_status(&stage), W_EXITCODE(0, SIGKILL));
    wait_until_raw(&stage, false);
    end(&stage);
}

static void test_signals_are_handed_on(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE, SIGWINCH, SIGTSTP};
    struct stage stage;

    (void)state;
    begin(&stage, false);
    say_started(&stage);
    /* What comes before it has heard of the start has its ordinary effect. */
    for (;;) {
        kill(stage.client, SIGCONT);
        struct pollfd wait = {.fd = stage.sandbox, .events = POLLIN};
        if (poll(&wait, 1, 10) == 1)
            break;
    }
    while (next_signal(&stage) == SIGCONT) {
        struct pollfd wait = {.fd = stage.sandbox, .events = POLLIN};
        if (poll(&wait, 1, 100) == 0)
            break;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
        kill(stage.client, signals[i]);
        assert_int_equal(next_signal(&stage), signals[i]);
    }
    say_exited(&stage, 0);
    assert_int_equal(next_status(&stage), 0);
    end(&stage);
}

static void test_signal_before_the_start(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage, false);
    kill(stage.client, SIGTERM);
    assert_int_equal(next_status(&stage), W_EXITCODE(0, SIGTERM));
    end(&stage);
}

/* Both ways, unchanged: what a terminal would have made of these bytes is the inner one's business.
 */
static void test_bytes(void **state)
{
    char text[64] = "";
    struct termios raw;
    struct stage stage;

    (void)state;
    begin(&stage, true);
    assert_int_equal(tcgetattr(stage.command, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(stage.command, TCSANOW, &raw), 0);
    say_started(&stage);
    wait_until_raw(&stage, true);
    fd_write_text(stage.outer, "a\r\n\x03\x1a\x11\x13\x7f\xff");
    read_exactly(stage.command, text, 9);
    assert_string_equal(text, "a\r\n\x03\x1a\x11\x13\x7f\xff");
    fd_write_text(stage.command, "\x1b[2Jx\r\n\xfe");
    memset(text, 0, sizeof(text));
    read_exactly(stage.outer, text, 8);
    assert_string_equal(text, "\x1b[2Jx\r\n\xfe");
    say_exited(&stage, 0);
    assert_int_equal(next_status(&stage), 0);
    wait_until_raw(&stage, false);
    end(&stage);
}

/* The command writes much and is gone while the person has read nothing of it. */
static void test_last_words(void **state)
{
    static char words[LAST_WORDS];
    static char read_back[LAST_WORDS];
    struct termios raw;
    struct stage stage;
    pid_t writer;

    (void)state;
    for (size_t i = 0; i < sizeof(words); i++)
        words[i] = (char)('a' + i % 23);
    begin(&stage, true);
    assert_int_equal(tcgetattr(stage.command, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(stage.command, TCSANOW, &raw), 0);
    say_started(&stage);
    writer = fork();
    if (writer == 0) {
        fd_write_all(stage.command, words, sizeof(words));
        close(stage.command);
        say_exited(&stage, W_EXITCODE(3, 0));
        _exit(0);
    }
    cleanup_close(&stage.command);
    read_exactly(stage.outer, read_back, sizeof(read_back));
    assert_memory_equal(read_back, words, sizeof(words));
    assert_int_equal(next_status(&stage), W_EXITCODE(3, 0));
    waitpid(writer, NULL, 0);
    end(&stage);
}

static void assert_size(int terminal, unsigned short rows, unsigned short columns)
{
    struct winsize size = {.ws_row = 0};

    for (int i = 0; i < PATIENCE_MS; i++) {
        assert_int_equal(ioctl(terminal, TIOCGWINSZ, &size), 0);
        if (size.ws_row == rows && size.ws_col == columns)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("the size is %d by %d", size.ws_row, size.ws_col);
}

static void test_size(void **state)
{
    struct winsize size = {.ws_row = 33, .ws_col = 99};
    struct stage stage;

    (void)state;
    begin(&stage, true);
    assert_int_equal(ioctl(stage.outer, TIOCSWINSZ, &size), 0);
    say_started(&stage);
    assert_size(stage.command, 33, 99);
    size = (struct winsize){.ws_row = 40, .ws_col = 120};
    assert_int_equal(ioctl(stage.outer, TIOCSWINSZ, &size), 0);
    assert_size(stage.command, 40, 120);
    say_exited(&stage, 0);
    assert_int_equal(next_status(&stage), 0);
    end(&stage);
}

static void test_stop_and_continue(void **state)
{
    struct task_reply stopped = {.header.type = TASK_STOPPED, .signal = SIGTSTP};
    char text[8] = "";
    struct stage stage;
    int status;

    (void)state;
    begin(&stage, true);
    say_started(&stage);
    wait_until_raw(&stage, true);
    say(&stage, &stopped, -1);
    status = next_status(&stage);
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP);
    wait_until_raw(&stage, false);
    kill(stage.client, SIGCONT);
    assert_int_equal(next_signal(&stage), SIGCONT);
    wait_until_raw(&stage, true);
    fd_write_text(stage.outer, "x\r");
    read_exactly(stage.command, text, 2);
    assert_string_equal(text, "x\n");
    say_exited(&stage, 0);
    assert_int_equal(next_status(&stage), 0);
    wait_until_raw(&stage, false);
    end(&stage);
}

static void test_hang_up(void **state)
{
    struct stage stage;
    char byte;

    (void)state;
    begin(&stage, true);
    say_started(&stage);
    wait_until_raw(&stage, true);
    cleanup_close(&stage.outer);
    /* The last master is closed: the command's side reads the end. */
    struct pollfd wait = {.fd = stage.command, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
    assert_true(read(stage.command, &byte, 1) <= 0);
    say_exited(&stage, W_EXITCODE(0, SIGHUP));
    waitpid(stage.shell, NULL, 0);
    end(&stage);
}

/* The other ends of its streams see what the command does with them, and not the client. */
static void test_streams_are_let_go(void **state)
{
    int ends[2];
    int saved = dup(STDOUT_FILENO);
    struct stage stage;
    char byte;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    begin(&stage, false);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    /* The shell has it as well. */
    kill(stage.shell, SIGKILL);
    say_started(&stage);
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    assert_int_equal(kill(stage.client, 0), 0);
    say_exited(&stage, 0);
    close(ends[0]);
    end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_end),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_signals_are_handed_on),
        cmocka_unit_test(test_signal_before_the_start),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_stop_and_continue),
        cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_streams_are_let_go),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
