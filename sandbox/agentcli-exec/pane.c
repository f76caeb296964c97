/* Between tmux and the command: tmux drops a pane's status with the pane, this keeps it. */
#include "sandbox/agentcli-exec/pane.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "sandbox/agentcli-exec/places.h"
#include "sandbox/agentcli-exec/stand_in.h"
#include "sandbox/confine/program.h"

#define PROC_STATUS_MAX 16384
/* What ended within this time was of no use to anybody, and would not be the next time. */
#define EARLY_SECONDS 10
/* So often in a row, and somebody has to look. */
#define EARLY_ENDS_MAX 5
/* What programs that draw leave on: the other screen, a hidden cursor, mouse and paste reports,
 * colours. */
#define TERMINAL_PLAIN \
    "\033[?1049l\033[?25h\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[0m\r\n"

struct pane {
    int link; /* to the session's process; -1 when it is gone */
    int signal_fd;
    pid_t child;
    bool has_ended;
    bool is_stopping; /* the session ends: tmux goes with the command */
    bool is_orphaned; /* tmux went first */
    int wait_status;
    struct place_command command;
    struct termios terminal; /* as it was before the command */
};

static void become_command(char **command) __attribute__((noreturn));
static void become_command(char **command)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t empty;
    int number;

    for (int signal = 1; signal < NSIG; signal++)
        (void)sigaction(signal, &action, NULL);
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    execvp(command[0], command);
    number = errno;
    fprintf(stderr, "agentcli-exec: execute '%s': %s\r\n", command[0], strerror(number));
    _exit(program_exit_code(number));
}

/* An interactive shell ignores TERM and leaves on HUP; a program that catches TERM must not get
 * both. */
static bool ignores_term(pid_t pid)
{
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    const char *line;
    size_t size = 0;

    path_format(path, "/proc/%d/status", (int)stand_in_find(pid));
    if (fd_read_file(AT_FDCWD, path, PROC_STATUS_MAX, &text, &size, NULL) < 0)
        return false;
    line = strstr(text, "\nSigIgn:");
    return line != NULL &&
           (strtoull(line + sizeof("\nSigIgn:") - 1, NULL, 16) >> (SIGTERM - 1) & 1) != 0;
}

/* To the command, and to the job that a shell has in the foreground. */
static void deliver(const struct pane *pane, int signal)
{
    pid_t foreground = tcgetpgrp(STDIN_FILENO);

    if (pane->has_ended)
        return;
    if (signal == SIGTERM && ignores_term(pane->child))
        kill(pane->child, SIGHUP);
    kill(pane->child, signal);
    if (foreground > 0 && foreground != getpgrp() && foreground != pane->child)
        kill(-foreground, signal);
    /* What is stopped would take no notice until it is continued. */
    if (signal == SIGTERM || signal == SIGHUP)
        kill(pane->child, SIGCONT);
}

/*
 * A command that was stopped has nobody to continue it: there is no shell above it. Without job
 * control of its own it cannot be stopped from the keyboard in the first place, as its group would
 * be an orphaned one.
 */
static void reap(struct pane *pane)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (pid != pane->child)
            continue;
        if (WIFSTOPPED(status)) {
            tcsetpgrp(STDIN_FILENO, getpgid(pane->child));
            kill(pane->child, SIGCONT);
        } else {
            pane->has_ended = true;
            pane->wait_status = status;
        }
    }
}

static void take_signal(struct pane *pane)
{
    struct signalfd_siginfo info;

    if (read(pane->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGCHLD) {
        reap(pane);
        return;
    }
    /* The kernel's own come from the terminal. All but its hang-up reach the command without us. */
    if (info.ssi_code == SI_KERNEL && info.ssi_signo != SIGHUP)
        return;
    pane->is_orphaned |= info.ssi_code == SI_KERNEL;
    deliver(pane, (int)info.ssi_signo);
}

static void take_message(struct pane *pane)
{
    struct pane_message message;
    ssize_t count = read(pane->link, &message, sizeof(message));

    if (count != (ssize_t)sizeof(message)) {
        close(steal_fd(&pane->link));
        return;
    }
    if (message.signal == 0 || message.signal >= NSIG)
        return;
    pane->is_stopping |= message.signal == SIGTERM;
    deliver(pane, (int)message.signal);
}

/* Takes what comes within TIMEOUT_MS, -1 for whenever it comes. True when Enter was pressed, where
 * KEYS is the terminal; -1: no keys. */
static bool attend(struct pane *pane, int timeout_ms, int keys)
{
    struct pollfd polls[] = {{.fd = pane->signal_fd, .events = POLLIN},
                             {.fd = pane->link, .events = POLLIN},
                             {.fd = keys, .events = POLLIN}};
    char line[256];

    if (poll(polls, ARRAY_LENGTH(polls), timeout_ms) < 0)
        return false;
    if (polls[0].revents != 0)
        take_signal(pane);
    if (polls[1].revents != 0)
        take_message(pane);
    return polls[2].revents != 0 && read(keys, line, sizeof(line)) > 0;
}

static bool is_ending(const struct pane *pane)
{
    return pane->is_stopping || pane->is_orphaned;
}

static void wait_until(struct pane *pane, uint64_t deadline_ns)
{
    for (uint64_t now; !is_ending(pane) && (now = clock_monotonic_ns()) < deadline_ns;)
        (void)attend(pane, (int)((deadline_ns - now) / CLOCK_NANOSECONDS_PER_MILLISECOND) + 1, -1);
}

/* Until somebody has looked. */
static void hold(struct pane *pane, unsigned int ends)
{
    const char *name =
        WIFSIGNALED(pane->wait_status) ? sigabbrev_np(WTERMSIG(pane->wait_status)) : NULL;

    (void)tcsetpgrp(STDIN_FILENO, getpgrp());
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &pane->terminal);
    fputs(TERMINAL_PLAIN, stdout);
    printf("coding-agents: the agent ended %u times in a row within %d s, the last time %s%s", ends,
           EARLY_SECONDS, name == NULL ? "with exit code " : "by SIG", name == NULL ? "" : name);
    if (name == NULL)
        printf("%d", process_exit_code(pane->wait_status));
    printf(". It is not started again by itself.\r\n"
           "What it said is above. Enter starts it once more, coding-agents stop ends the "
           "session.\r\n");
    fflush(stdout);
    while (!is_ending(pane) && !attend(pane, -1, STDIN_FILENO))
        ;
}

/* After an end of a command that tmux starts again: not at once when it was of no use, and not for
 * ever. */
static void pause_before_next(struct pane *pane, uint64_t started_ns)
{
    uint64_t now = clock_monotonic_ns();
    unsigned int ends =
        places_count_ends(now - started_ns < EARLY_SECONDS * CLOCK_NANOSECONDS_PER_SECOND);

    if (ends < EARLY_ENDS_MAX) {
        wait_until(pane, now + ((1ULL << ends) - 1) / 2 * CLOCK_NANOSECONDS_PER_SECOND);
        return;
    }
    hold(pane, ends);
    (void)places_count_ends(false);
}

static int open_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int fail(const struct error *err)
{
    fprintf(stderr, "agentcli-exec: pane: %s\r\n", error_text(err));
    return EXIT_BOOT_AGENT;
}

int pane_run(void)
{
    struct error err = ERROR_INITIALIZER;
    struct pane pane = {.link = places_connect_pane(&err)};
    uint64_t started = clock_monotonic_ns();

    if (pane.link < 0 || places_read_command(&pane.command, &err) < 0)
        return fail(&err);
    places_clean_status();
    (void)tcgetattr(STDIN_FILENO, &pane.terminal);
    pane.signal_fd = open_signals();
    pane.child = pane.signal_fd < 0 ? -1 : fork();
    if (pane.child == 0)
        become_command(pane.command.argv);
    if (pane.child < 0) {
        error_set(&err, errno, "start the command");
        return fail(&err);
    }
    while (!pane.has_ended)
        (void)attend(&pane, -1, -1);
    /* A command that died of the loss of its terminal did not end by itself: that leaves no status.
     */
    if (!pane.is_orphaned && places_write_status(pane.wait_status, &err) < 0)
        fail(&err);
    if (pane.command.is_persistent && !is_ending(&pane))
        pause_before_next(&pane, started);
    /* In the foreground as it is, tmux's server is this process's parent. */
    if (pane.is_stopping)
        kill(getppid(), SIGTERM);
    return process_exit_code(pane.wait_status);
}
