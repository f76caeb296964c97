/* Stopping: storms, repeated requests, and mains that do not or cannot obey. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "tests/torture/torture.h"

#define STORM 5000
#define REAL_TIME 40
#define LAST_SIGNAL 64
/* How long a tracer holds main back, and the share of it that PID 1 may compute. */
#define HELD_MS 300
#define COMPUTED_NS_MAX 100000000

/* Real-time signals are queued, so that each can be counted. */
static void storm(void)
{
    start(&(struct setting){.command = COMMAND("churn", "2000")});
    expect_line("up", "no main");
    for (int i = 0; i < STORM; i++)
        signal_init(REAL_TIME);
    signal_init(LAST_SIGNAL); /* whoever queues them has it behind all others */
    const char *line = next_line("count 40 ");
    if (line == NULL)
        fail("loses signals");
    if (strtoul(line, NULL, 10) != STORM)
        fail("loses signals");
    expect_exit(42);
    pass();
}

/* The grace is far away: only the second request can have ended it. */
static void twice(int second)
{
    start(&(struct setting){.command = COMMAND("stubborn"), .grace = "3600"});
    expect_line("up", "no main");
    signal_init(SIGTERM);
    expect_taken(SIGTERM);
    signal_init(second);
    expect_exit(128 + SIGKILL);
    pass();
}

static void term_twice(void)
{
    twice(SIGTERM);
}

static void term_then_int(void)
{
    twice(SIGINT);
}

static void stubborn(void)
{
    start(&(struct setting){.command = COMMAND("stubborn"), .grace = "1"});
    expect_line("up", "no main");
    signal_init(SIGTERM);
    expect_exit(128 + SIGKILL);
    if (strstr(diagnostics(), "killing what did not end in time") == NULL)
        fail("does not say so");
    pass();
}

static void stopped(void)
{
    start(&(struct setting){.command = COMMAND("stopped", "42"), .grace = "3600"});
    expect_line("up", "no main");
    expect_state(main_pid(), 'T', "not stopped");
    signal_init(SIGTERM);
    expect_line("clean", "hung");
    expect_exit(42);
    pass();
}

/* What the scheduler has given it, in nanoseconds. */
static unsigned long long computed(pid_t pid)
{
    char path[64];
    unsigned long long time = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
    cleanup_file FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%llu", &time) != 1)
        broken(path);
    return time;
}

/* All children of PID 1 but main. */
static void kill_tracer(pid_t main)
{
    char path[64];
    int pid;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", init_pid(), init_pid());
    cleanup_file FILE *file = fopen(path, "re");
    while (file != NULL && fscanf(file, "%d", &pid) == 1) {
        if (pid != main)
            kill(pid, SIGKILL);
    }
}

/* A dead main that its tracer has not let go of cannot be reaped, and is no reason to spin. */
static void traced(void)
{
    start(&(struct setting){.command = COMMAND("traced", "42"), .has_mounts = true});
    pid_t pid;
    while ((pid = main_pid()) == 0)
        nap();
    expect_line("up", "no tracer");
    expect_state(pid, 'Z', "main lives");
    unsigned long long before = computed(init_pid());
    nanosleep(&(struct timespec){.tv_nsec = HELD_MS * 1000000L}, NULL);
    if (computed(init_pid()) - before > COMPUTED_NS_MAX)
        fail("spins");
    if (state_of(pid) != 'Z')
        fail("main was let go"); /* of the harness: there was nothing to see */
    kill_tracer(pid);
    expect_exit(42);
    pass();
}

/* clang-format off */
const struct item signal_items[] = {
    {"5,000 signals while orphans are reaped", storm, .bad = "loses signals"},
    {"TERM twice", term_twice, .fails = PEERS},
    {"TERM, then INT", term_then_int, .fails = PEERS},
    {"main ignores TERM", stubborn, .fails = PEERS},
    {"main is stopped when TERM comes", stopped, .fails = PEERS},
    {"main is held by a tracer when it dies", traced, .bad = "exit 1"},
    {.name = NULL},
};
/* clang-format on */
