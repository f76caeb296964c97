/* What comes out of an init: main's code, main's signal, or why there was no main. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tests/torture/torture.h"

/* The kernel's; the C library's SIGRTMIN hides two. */
#define FIRST_REAL_TIME 32
#define LAST_SIGNAL 64
#define ACTOR_NO 99

static const char *signal_name(int signal)
{
    const char *name = signal < FIRST_REAL_TIME ? sigabbrev_np(signal) : "a real-time signal";
    return name == NULL ? "a signal" : name;
}

static void every_code(void)
{
    for (int code = 0; code <= 255; code++) {
        char text[8];
        snprintf(text, sizeof(text), "%d", code);
        start(&(struct setting){.command = COMMAND("exit", text)});
        int got = await_exit();
        if (got != code)
            fail("%d for %d", got, code);
        finish();
    }
    pass();
}

/* A stopped main goes on: then it was not the signal that ended it. */
static void end_main_by(int signal)
{
    char text[8];
    snprintf(text, sizeof(text), "%d", signal);
    start(&(struct setting){.command = COMMAND("die", text)});
    while (state_of(init_pid()) != 'Z') {
        pid_t pid = main_pid();
        if (pid != 0 && state_of(pid) == 'T')
            kill(pid, SIGCONT);
        nap();
    }
}

static void every_end(void)
{
    static const int harmless[] = {SIGCHLD, SIGCONT, SIGURG,  SIGWINCH,
                                   SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
    for (int signal = 1; signal <= LAST_SIGNAL; signal++) {
        int wanted = 128 + signal;
        for (size_t i = 0; i < ARRAY_LENGTH(harmless); i++)
            wanted = harmless[i] == signal ? ACTOR_NO : wanted;
        end_main_by(signal);
        int got = await_exit();
        if (got != wanted)
            fail("%d for %s", got, signal_name(signal));
        finish();
    }
    pass();
}

static void forward(int signal)
{
    char wanted[16];
    snprintf(wanted, sizeof(wanted), "got %d", signal);
    signal_init(signal);
    const char *got = next_line("got ");
    if (got == NULL || strcmp(got, wanted + 4) != 0)
        fail("loses %s", signal_name(signal));
}

/* KILL and STOP cannot be forwarded, CHLD is PID 1's own, IO ends this listener. */
static void every_signal(void)
{
    static const int last[] = {SIGINT, SIGTERM};
    start(&(struct setting){.command = COMMAND("listen", "42")});
    expect_line("up", "no main");
    for (int signal = 1; signal <= LAST_SIGNAL; signal++) {
        if (signal != SIGKILL && signal != SIGSTOP && signal != SIGCHLD && signal != SIGIO &&
            signal != SIGINT && signal != SIGTERM)
            forward(signal);
    }
    finish();
    for (size_t i = 0; i < ARRAY_LENGTH(last); i++) {
        start(&(struct setting){.command = COMMAND("listen", "42")});
        expect_line("up", "no main");
        forward(last[i]);
        finish();
    }
    pass();
}

static void expect_exec_failure(const char *program, int code, const char *reason)
{
    start(&(struct setting){.program = program, .has_mounts = true});
    int got = await_exit();
    if (got != code)
        fail("%d for %d", got, code);
    if (strstr(diagnostics(), reason) == NULL)
        fail("does not say why");
    finish();
}

static void exec_failure(void)
{
    char text[] = "/tmp/torture-XXXXXX";
    cleanup_fd int fd = mkstemp(text);
    if (fd < 0 || write(fd, "no program\n", 11) != 11)
        broken("mkstemp");
    expect_exec_failure("/no/such/program", 127, "No such file");
    expect_exec_failure(text, 126, "denied");
    expect_exec_failure("/", 126, "denied");
    fchmod(fd, 0755);
    close(steal_fd(&fd));
    expect_exec_failure(text, 126, "format");
    unlink(text);
    pass();
}

/* clang-format off */
const struct item exit_items[] = {
    {"exit codes 0 to 255", every_code, .bad = "1 for 0"},
    {"main ended by signals 1 to 31 and real-time ones", every_end, .bad = "1 for HUP"},
    {"signals 1 to 31 and real-time ones are forwarded", every_signal, .fails = PEERS},
    {"a program that cannot be run: 127 or 126, and why", exec_failure, .fails = PEERS},
    {.name = NULL},
};
/* clang-format on */
