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
#include "tests/unit/sandbox/task_stage.h"

#define LAST_WORDS (256 * 1024)

static void test_every_end(void **state)
{
    struct stage stage;

    (void)state;
    for (int code = 0; code < 256; code++) {
        stage_begin(&stage, false);
        stage_say_started(&stage);
        stage_say_exited(&stage, W_EXITCODE(code, 0));
        assert_int_equal(stage_next_status(&stage), W_EXITCODE(code, 0));
        stage_end(&stage);
    }
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        if (signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH ||
            (signal >= SIGSTOP && signal <= SIGTTOU) || (signal > SIGSYS && signal < SIGRTMIN))
            continue;
        stage_begin(&stage, false);
        stage_say_started(&stage);
        stage_say_exited(&stage, W_EXITCODE(0, signal) | WCOREFLAG);
        assert_int_equal(stage_next_status(&stage), W_EXITCODE(0, signal));
        stage_end(&stage);
    }
}

static void test_refusals(void **state)
{
    struct task_reply reply = {.header.type = TASK_DENIED, .code = 126, .text = "denied by rule x"};
    char text[64] = "";
    struct stage stage;

    (void)state;
    stage_begin(&stage, true);
    stage_say(&stage, &reply, -1);
    stage_read(stage.outer, text, strlen(reply.text) + 2);
    assert_string_equal(text, "denied by rule x\r\n");
    assert_int_equal(stage_next_status(&stage), W_EXITCODE(126, 0));
    stage_end(&stage);
    reply = (struct task_reply){.header.type = TASK_FAILED, .code = 127};
    stage_begin(&stage, false);
    stage_say(&stage, &reply, -1);
    assert_int_equal(stage_next_status(&stage), W_EXITCODE(127, 0));
    stage_end(&stage);
}

static void test_lost(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, false);
    cleanup_close(&stage.sandbox);
    assert_int_equal(stage_next_status(&stage), W_EXITCODE(99, 0));
    stage_end(&stage);
    stage_begin(&stage, true);
    stage_say_started(&stage);
    stage_wait_until_raw(&stage, true);
    cleanup_close(&stage.sandbox);
    assert_int_equal(stage_next_status(&stage), W_EXITCODE(0, SIGKILL));
    stage_wait_until_raw(&stage, false);
    stage_end(&stage);
}

static void test_signals_are_handed_on(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE, SIGWINCH, SIGTSTP};
    struct stage stage;

    (void)state;
    stage_begin(&stage, false);
    stage_say_started(&stage);
    /* What comes before it has heard of the start has its ordinary effect. */
    for (;;) {
        kill(stage.client, SIGCONT);
        struct pollfd wait = {.fd = stage.sandbox, .events = POLLIN};
        if (poll(&wait, 1, 10) == 1)
            break;
    }
    while (stage_next_signal(&stage) == SIGCONT) {
        struct pollfd wait = {.fd = stage.sandbox, .events = POLLIN};
        if (poll(&wait, 1, 100) == 0)
            break;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
        kill(stage.client, signals[i]);
        assert_int_equal(stage_next_signal(&stage), signals[i]);
    }
    stage_say_exited(&stage, 0);
    assert_int_equal(stage_next_status(&stage), 0);
    stage_end(&stage);
}

static void test_signal_before_the_start(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, false);
    kill(stage.client, SIGTERM);
    assert_int_equal(stage_next_status(&stage), W_EXITCODE(0, SIGTERM));
    stage_end(&stage);
}

/* Both ways, unchanged: what a terminal would have made of these bytes is the inner one's business.
 */
static void test_bytes(void **state)
{
    char text[64] = "";
    struct termios raw;
    struct stage stage;

    (void)state;
    stage_begin(&stage, true);
    assert_int_equal(tcgetattr(stage.command, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(stage.command, TCSANOW, &raw), 0);
    stage_say_started(&stage);
    stage_wait_until_raw(&stage, true);
    fd_write_text(stage.outer, "a\r\n\x03\x1a\x11\x13\x7f\xff");
    stage_read(stage.command, text, 9);
    assert_string_equal(text, "a\r\n\x03\x1a\x11\x13\x7f\xff");
    fd_write_text(stage.command, "\x1b[2Jx\r\n\xfe");
    memset(text, 0, sizeof(text));
    stage_read(stage.outer, text, 8);
    assert_string_equal(text, "\x1b[2Jx\r\n\xfe");
    stage_say_exited(&stage, 0);
    assert_int_equal(stage_next_status(&stage), 0);
    stage_wait_until_raw(&stage, false);
    stage_end(&stage);
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
    stage_begin(&stage, true);
    assert_int_equal(tcgetattr(stage.command, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(stage.command, TCSANOW, &raw), 0);
    stage_say_started(&stage);
    writer = fork();
    if (writer == 0) {
        fd_write_all(stage.command, words, sizeof(words));
        close(stage.command);
        stage_say_exited(&stage, W_EXITCODE(3, 0));
        _exit(0);
    }
    cleanup_close(&stage.command);
    stage_read(stage.outer, read_back, sizeof(read_back));
    assert_memory_equal(read_back, words, sizeof(words));
    assert_int_equal(stage_next_status(&stage), W_EXITCODE(3, 0));
    waitpid(writer, NULL, 0);
    stage_end(&stage);
}

static void assert_size(int terminal, unsigned short rows, unsigned short columns)
{
    struct winsize size = {.ws_row = 0};

    for (int i = 0; i < STAGE_PATIENCE_MS; i++) {
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
    stage_begin(&stage, true);
    assert_int_equal(ioctl(stage.outer, TIOCSWINSZ, &size), 0);
    stage_say_started(&stage);
    assert_size(stage.command, 33, 99);
    size = (struct winsize){.ws_row = 40, .ws_col = 120};
    assert_int_equal(ioctl(stage.outer, TIOCSWINSZ, &size), 0);
    assert_size(stage.command, 40, 120);
    stage_say_exited(&stage, 0);
    assert_int_equal(stage_next_status(&stage), 0);
    stage_end(&stage);
}

static void test_stop_and_continue(void **state)
{
    struct task_reply stopped = {.header.type = TASK_STOPPED, .signal = SIGTSTP};
    char text[8] = "";
    struct stage stage;
    int status;

    (void)state;
    stage_begin(&stage, true);
    stage_say_started(&stage);
    stage_wait_until_raw(&stage, true);
    stage_say(&stage, &stopped, -1);
    status = stage_next_status(&stage);
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP);
    stage_wait_until_raw(&stage, false);
    kill(stage.client, SIGCONT);
    assert_int_equal(stage_next_signal(&stage), SIGCONT);
    stage_wait_until_raw(&stage, true);
    fd_write_text(stage.outer, "x\r");
    stage_read(stage.command, text, 2);
    assert_string_equal(text, "x\n");
    stage_say_exited(&stage, 0);
    assert_int_equal(stage_next_status(&stage), 0);
    stage_wait_until_raw(&stage, false);
    stage_end(&stage);
}

static void test_hang_up(void **state)
{
    struct stage stage;
    char byte;

    (void)state;
    stage_begin(&stage, true);
    stage_say_started(&stage);
    stage_wait_until_raw(&stage, true);
    cleanup_close(&stage.outer);
    /* The last master is closed: the command's side reads the end. */
    struct pollfd wait = {.fd = stage.command, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, STAGE_PATIENCE_MS), 1);
    assert_true(read(stage.command, &byte, 1) <= 0);
    stage_say_exited(&stage, W_EXITCODE(0, SIGHUP));
    waitpid(stage.shell, NULL, 0);
    stage_end(&stage);
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
    stage_begin(&stage, false);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    /* The shell has it as well. */
    kill(stage.shell, SIGKILL);
    stage_say_started(&stage);
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&wait, 1, STAGE_PATIENCE_MS), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    assert_int_equal(kill(stage.client, 0), 0);
    stage_say_exited(&stage, 0);
    close(ends[0]);
    stage_end(&stage);
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
