/* Services of an init that boots: what the others have no notion of. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/torture/torture.h"

static void begin(const char *scenario)
{
    start(&(struct setting){.scenario = scenario, .has_mounts = true, .grace = "2"});
}

/* Until the line WANTED, or fail() with WORD; a line UNWANTED before it is FAULT. */
static void expect_without(const char *unwanted, const char *fault, const char *wanted,
                           const char *word)
{
    const char *line = next_line("");
    while (line != NULL && strcmp(line, wanted) != 0) {
        if (strcmp(line, unwanted) == 0)
            fail("%s", fault);
        line = next_line("");
    }
    if (line == NULL)
        fail("%s", word);
}

/* The first may depend on itself only by way of the second. */
static void cycle(void)
{
    begin("service one deps=1 -- exec sleep 60\n"
          "service two flags=main deps=0 -- echo up; exec sleep 60\n"
          "ready 2000\n"
          "hang\n");
    if (next_line("up") != NULL)
        fail("starts them");
    expect_exit(220);
    if (strstr(diagnostics(), "would be a cycle") == NULL)
        fail("does not say why");
    finish();
    begin("service one -- exec sleep 60\n"
          "service two flags=main deps=0 -- exit 42\n"
          "ready 2000\n");
    expect_exit(42);
    pass();
}

/* A service that is not ready yet, and main that waits for it. */
static void stop_while_starting(void)
{
    begin("service slow flags=ready -- trap 'echo clean; exit' TERM; echo up; while :; do sleep "
          "0.02; done\n"
          "service agent flags=main deps=0 -- echo main\n"
          "ready 6000\n");
    expect_without("main", "starts main", "up", "no service");
    signal_init(SIGTERM);
    expect_without("main", "starts main", "clean", "no time to clean up");
    if (next_line("main") != NULL)
        fail("starts main");
    expect_exit(128 + SIGTERM);
    pass();
}

static void limit_reached(void)
{
    begin(
        "service agent flags=main+ready -- trap 'echo clean; exit' TERM; printf 'READY=1\\n' "
        ">&$NOTIFY_FD; while :; do sleep 0.02; done\n"
        "service web flags=restart+required limit=3 window=60000 backoff=1 backoffmax=1 deps=0 -- "
        "echo try; exit 1\n"
        "ready 6000\n");
    for (int i = 0; i < 4; i++)
        expect_line("try", "not tried again");
    expect_without("try", "tries too often", "clean", "main has no time to clean up");
    if (next_line("try") != NULL)
        fail("tries too often");
    expect_exit(224);
    pass();
}

static void leave_open(void)
{
    if (dup2(STDIN_FILENO, 5) < 0 || dup2(STDIN_FILENO, 9) < 0)
        broken("dup2");
}

/* What an engine left open is for nobody. */
static void inherited(void)
{
    start(&(struct setting){
        .scenario = "service agent flags=main -- exec \"$ACTOR\" descriptors\nready 6000\n",
        .has_mounts = true,
        .prepare = leave_open});
    const char *list = expect_line("open", "no main");
    if (strcmp(list, " 0 1 2") != 0)
        fail("main has%s", list);
    expect_exit(42);
    pass();
}

static void fill_run(void)
{
    if (mount("tmpfs", "/run", "tmpfs", MS_REMOUNT, "nr_inodes=2") < 0)
        broken("full tmpfs");
}

/* No room for the control socket: said, and the session goes on. */
static void no_room(void)
{
    start(&(struct setting){.scenario =
                                "service agent flags=main -- echo up; exec sleep 60\nready 6000\n",
                            .has_mounts = true,
                            .prepare = fill_run});
    expect_line("up", "no main");
    if (strstr(diagnostics(), "no control socket") == NULL)
        fail("does not say so");
    signal_init(SIGTERM);
    expect_exit(128 + SIGTERM);
    pass();
}

/* clang-format off */
const struct item service_items[] = {
    {"services: a cycle of dependencies is refused", cycle, .none = PEERS, .bad = "starts them"},
    {"services: a stop while one starts", stop_while_starting, .none = PEERS, .bad = "starts main"},
    {"services: the limit of restarts is reached", limit_reached, .none = PEERS, .bad = "tries too often"},
    {"services: inherited descriptors are for nobody", inherited, .none = PEERS, .bad = "main has 0 1 2 5 9"},
    {"services: no room for the control socket", no_room, .none = PEERS, .bad = "does not say so"},
    {.name = NULL},
};
/* clang-format on */
