/* Who outlives main or its parent: reaped, and given the time to clean up. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/torture/torture.h"

/* Full size; what is enough for a gate; what makes a look at all of them slow. */
#define MANY 20000
#define SOME 2000
#define FEW 1000
/* How long to watch who sleeps: longer than the second after which some look by themselves. */
#define WATCH_MS 1200
/* How long a log is seen to be open. */
#define CONTROL_MS 200

/* Until PID 1 has COUNT children, dead ones counted. */
static void expect_children(unsigned count)
{
    uint64_t end = patience_ends_ns();
    while (count_children() != count) {
        if (clock_monotonic_ns() > end)
            fail("not reaped");
        nap();
    }
}

static void crowd(void)
{
    unsigned size = size_of(SOME, MANY);
    char number[16];
    snprintf(number, sizeof(number), "%u", size);
    start(
        &(struct setting){.command = COMMAND("orphans", number, number, "42"), .has_mounts = true});
    expect_up("no orphans");
    if (count_children() != 2 * size + 1)
        fail("not its children"); /* the harness, not the init: nothing would be proven */
    kill(main_pid(), SIGUSR1);
    expect_line("up", "main is gone");
    expect_children(size + 1);
    kill(main_pid(), SIGUSR2);
    expect_exit(42);
    pass();
}

/* A signal has it look for the dead in vain. It goes to sleep again, and nothing else wakes it. */
static void all_live(void)
{
    char number[16];
    unsigned living = size_of(FEW, MANY);
    snprintf(number, sizeof(number), "%u", living);
    start(&(struct setting){.command = COMMAND("orphans", "1", number, "42"), .has_mounts = true});
    expect_up("no orphans");
    expect_state(init_pid(), 'S', "does not sleep");
    unsigned long before = count_sleeps();
    signal_init(SIGWINCH);
    expect_taken(SIGWINCH);
    for (uint64_t end = clock_monotonic_ns() + WATCH_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
         clock_monotonic_ns() < end;)
        nap();
    if (count_sleeps() > before + 1)
        fail("wakes");
    kill(main_pid(), SIGUSR1);
    expect_children(living + 1);
    pass();
}

/* PID 1 sees nothing of it until all have ended, main among them: many ends, one SIGCHLD. */
static void coalesced(void)
{
    start(&(struct setting){.command = COMMAND("burst", "200", "42")});
    expect_up("no orphans");
    pid_t pid = main_pid();
    kill(init_pid(), SIGSTOP);
    expect_state(init_pid(), 'T', "cannot be stopped");
    kill(pid, SIGUSR1);
    expect_state(pid, 'Z', "main lives");
    kill(init_pid(), SIGCONT);
    expect_exit(42);
    pass();
}

/* Main has ended and somebody has its output open, which a log's reader waits for. The control is
 * somebody whom PID 1 does not take along. */
static void log_holder(void)
{
    start(&(struct setting){.command = COMMAND("leave", "stubborn", "42"), .grace = "1"});
    expect_line("up", "no orphan");
    int control = hold_log();
    kill(main_pid(), SIGUSR1);
    expect_exit(42);
    if (log_ends_within(CONTROL_MS))
        fail("log ended while it was held");
    close(control);
    if (!log_ends_within(patience_ms()))
        fail("log open");
    pass();
}

static void left_behind(void)
{
    start(&(struct setting){.command = COMMAND("leave", "clean", "42")});
    expect_line("up", "no child");
    kill(main_pid(), SIGUSR1);
    expect_line("clean", "no time to clean up");
    expect_exit(42);
    pass();
}

static void escapee(void)
{
    start(&(struct setting){.command = COMMAND("escape", "stubborn"), .grace = "1"});
    expect_line("up", "no escapee");
    signal_init(SIGTERM);
    expect_exit(128 + SIGTERM);
    finish();
    start(&(struct setting){.command = COMMAND("escape", "clean")});
    expect_line("up", "no escapee");
    signal_init(SIGTERM);
    expect_line("clean", "no time to clean up");
    expect_exit(128 + SIGTERM);
    pass();
}

/* clang-format off */
const struct item orphan_items[] = {
    {"orphans die at once while as many live", crowd, .bad = "not reaped"},
    {"SIGCHLD is coalesced while main dies with its orphans", coalesced, .bad = "exit 1"},
    {"an orphan that holds the log open", log_holder, .bad = "hung"},
    {"a child that outlives the leader of its group", left_behind, .fails = PEERS},
    {"an escapee in a session of its own: TERM, time, KILL", escapee, .fails = PEERS},
    {"nobody dies of the many who live: it sleeps", all_live, .fails = BIT(TINI)},
    {.name = NULL},
};
/* clang-format on */
