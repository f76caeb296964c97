/* Who outlives main or its parent: reaped, and given the time to clean up. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "tests/torture/torture.h"

/* Full size, and what is enough for a gate. */
#define MANY 20000
#define SOME 2000
/* How long to watch who sleeps: longer than the second after which some look by themselves. */
#define WATCH_MS 1200

/* Until PID 1 has COUNT children, dead ones counted. */
static void expect_children(unsigned count)
{
    uint64_t end =
        clock_monotonic_ns() + (uint64_t)patience_ms() * CLOCK_NANOSECONDS_PER_MILLISECOND;
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
    expect_line("up", "no orphans");
    if (count_children() != 2 * size + 1)
        fail("not its children"); /* the harness, not the init: nothing would be proven */
    kill(main_pid(), SIGUSR1);
    expect_line("up", "main is gone");
    expect_children(size + 1);
    kill(main_pid(), SIGUSR2);
    expect_exit(42);
    pass();
}

/* How often PID 1 has gone to sleep so far: proc(5). */
static unsigned long count_sleeps(void)
{
    static const char wanted[] = "voluntary_ctxt_switches:";
    char path[64];
    char line[256];
    const char *count = NULL;
    snprintf(path, sizeof(path), "/proc/%d/status", init_pid());
    cleanup_file FILE *file = fopen(path, "re");
    while (file != NULL && count == NULL && fgets(line, sizeof(line), file) != NULL)
        count = strncmp(line, wanted, strlen(wanted)) == 0 ? line + strlen(wanted) : NULL;
    if (count == NULL)
        broken(wanted);
    return strtoul(count, NULL, 10);
}

/* A signal has it look for the dead in vain. It goes to sleep again, and nothing else wakes it. */
static void all_live(void)
{
    char number[16];
    unsigned living = size_of(SOME, MANY);
    snprintf(number, sizeof(number), "%u", living);
    start(&(struct setting){.command = COMMAND("orphans", "1", number, "42"), .has_mounts = true});
    expect_line("up", "no orphans");
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
    expect_line("up", "no orphans");
    pid_t pid = main_pid();
    kill(init_pid(), SIGSTOP);
    expect_state(init_pid(), 'T', "cannot be stopped");
    kill(pid, SIGUSR1);
    expect_state(pid, 'Z', "main lives");
    kill(init_pid(), SIGCONT);
    expect_exit(42);
    pass();
}

/* Main has ended and somebody has its output open, which a log's reader waits for. */
static void log_holder(void)
{
    start(&(struct setting){.command = COMMAND("leave", "stubborn", "42"), .grace = "1"});
    expect_line("up", "no orphan");
    kill(main_pid(), SIGUSR1);
    expect_exit(42);
    if (next_line("no such line") != NULL)
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
    {"20,000 orphans die at once while 20,000 live", crowd, .fails = 0},
    {"many live and nobody dies: it sleeps", all_live, .fails = BIT(TINI)},
    {"SIGCHLD is coalesced while main dies with its orphans", coalesced, .fails = 0},
    {"an orphan that holds the log open", log_holder, .fails = 0},
    {"a child that outlives the leader of its group", left_behind, .fails = PEERS},
    {"an escapee in a session of its own: TERM, time, KILL", escapee, .fails = PEERS},
    {.name = NULL},
};
/* clang-format on */
