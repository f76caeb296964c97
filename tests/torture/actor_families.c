/* Actors that have children: orphans, escapees, tracers. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/actor.h"

/* A pipe whose end everybody waits for. */
struct gate {
    int wait;
    int open;
};

static struct gate make_gate(void)
{
    int ends[2];
    if (pipe(ends) < 0)
        exit(2);
    return (struct gate){.wait = ends[0], .open = ends[1]};
}

static void wait_at(struct gate gate)
{
    char byte;
    close(gate.open);
    (void)!read(gate.wait, &byte, 1);
}

/* COUNT orphans, whose parent is PID 1 once this has returned; they end when the gate opens. */
static void make_orphans(unsigned count, struct gate gate)
{
    pid_t pid = fork();
    for (unsigned i = 0; pid == 0 && i < count; i++) {
        pid_t orphan = fork();
        if (orphan < 0)
            _exit(1);
        if (orphan == 0) {
            wait_at(gate);
            _exit(7);
        }
    }
    if (pid == 0)
        _exit(0);
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        exit(2);
}

/* Until SIGNAL comes. */
static void await_signal(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, NULL);
    say("up");
    sigwait(&set, &signal);
}

/* orphans DYING LIVING CODE: at USR1 the first end, all at once; at USR2 main ends with CODE. */
static int run_orphans(char **arguments)
{
    struct gate living = make_gate();
    make_orphans((unsigned)number_of(arguments + 1), living);
    struct gate dying = make_gate(); /* later, so that the living do not hold it open */
    make_orphans((unsigned)number_of(arguments), dying);
    await_signal(SIGUSR1);
    close(dying.open);
    await_signal(SIGUSR2);
    return number_of(arguments + 2);
}

/* burst COUNT CODE: at USR1 COUNT orphans and main end together. */
static int run_burst(char **arguments)
{
    struct gate gate = make_gate();
    make_orphans((unsigned)number_of(arguments), gate);
    await_signal(SIGUSR1);
    _exit(number_of(arguments + 1));
}

/* churn COUNT: orphans are made and die all the while, and it counts signals as `listen` does. */
static int run_churn(char **arguments)
{
    sigset_t all;
    memset(&all, 0xff, sizeof(all));
    sigprocmask(SIG_SETMASK, &all, NULL);
    pid_t churner = fork();
    for (int i = number_of(arguments); churner == 0 && i > 0; i--) {
        if (fork() == 0)
            _exit(fork() == 0 ? 1 : 0); /* the parent does not wait: two for PID 1 to reap */
    }
    if (churner == 0)
        _exit(0);
    execl("/proc/self/exe", "actor", "listen", "42", "quietly", NULL);
    return 2;
}

/* In a child: a new session or group, then lives as NAME says. The child's "up" is its own. */
static void make_child(const char *name, int is_session)
{
    if (fork() != 0)
        return;
    if (is_session)
        setsid();
    if (strcmp(name, "clean") == 0)
        live_cleanly(0);
    live_stubbornly();
}

/* escape NAME: a child in a session of its own; main lives until TERM. */
static int run_escape(char **arguments)
{
    make_child(arguments[0], 1);
    wait_for_ever();
}

/* leave NAME CODE: main, leader of its group, ends with CODE at USR1; a child of the group lives
 * on. */
static int run_leave(char **arguments)
{
    sigset_t set;
    int signal = SIGUSR1;
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, NULL);
    make_child(arguments[0], 0);
    sigwait(&set, &signal);
    return number_of(arguments + 1);
}

/* traced CODE: a child traces main, which then ends, and does not let go of it. */
static int run_traced(char **arguments)
{
    struct gate gate = make_gate();
    pid_t main_pid = getpid();
    if (fork() == 0) {
        if (ptrace(PTRACE_SEIZE, main_pid, NULL, NULL) < 0)
            say("refused %d", errno);
        (void)!write(gate.open, "", 1);
        live_stubbornly();
    }
    wait_at(gate);
    return number_of(arguments);
}

const struct actor_mode actor_families[] = {
    {"orphans", run_orphans}, {"burst", run_burst},   {"churn", run_churn}, {"escape", run_escape},
    {"leave", run_leave},     {"traced", run_traced}, {NULL, NULL},
};
