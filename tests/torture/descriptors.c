/* Descriptors that are missing, left over, full or without a reader. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/torture/torture.h"

/* Of a pipe: pipe(7). */
#define PIPE_SIZE 65536

static void close_standard(void)
{
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
}

static void standard_closed(void)
{
    start(&(struct setting){.command = COMMAND("standard"), .prepare = close_standard});
    expect_exit(42);
    pass();
}

static void leave_open(void)
{
    if (dup2(STDIN_FILENO, 5) < 0 || dup2(STDIN_FILENO, 9) < 0)
        broken("dup2");
}

/* A plain init passes on what it was given, and nothing of its own. */
static void inherited(void)
{
    start(&(struct setting){.command = COMMAND("descriptors"), .prepare = leave_open});
    const char *list = expect_line("open", "no main");
    if (strcmp(list, " 0 1 2 5 9") != 0)
        fail("main has%s", list);
    expect_exit(42);
    pass();
}

static void allow_three(void)
{
    struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        broken("setrlimit");
}

/* Main runs, or the refusal is the code of what cannot be run, and a line. */
static void three_descriptors(void)
{
    start(&(struct setting){.command = COMMAND("exit", "42"), .prepare = allow_three});
    int code = await_exit();
    if (code == 126 && strstr(diagnostics(), "Too many open files") == NULL &&
        strstr(diagnostics(), "No file descriptors available") == NULL)
        fail("does not say why");
    if (code != 126 && code != 42)
        fail("exit %d", code);
    pass();
}

static void fill_stderr(void)
{
    static const char zeroes[4096];
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    for (size_t done = 0; done < PIPE_SIZE && poll(&room, 1, 0) == 1; done += sizeof(zeroes)) {
        if (write(STDERR_FILENO, zeroes, sizeof(zeroes)) < 0)
            broken("stderr");
    }
}

static void stderr_full(void)
{
    start(&(struct setting){
        .program = "/no/such/program", .has_mounts = true, .prepare = fill_stderr});
    expect_exit(127);
    pass();
}

static void lose_reader(void)
{
    int ends[2];
    if (pipe(ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
        broken("pipe");
    close(ends[0]);
    close(ends[1]);
}

static void reader_gone(void)
{
    start(&(struct setting){
        .program = "/no/such/program", .has_mounts = true, .prepare = lose_reader});
    expect_exit(127);
    pass();
}

/* clang-format off */
const struct item descriptor_items[] = {
    {"descriptors 0 to 2 are closed", standard_closed, .fails = BIT(TINI)},
    {"inherited descriptors: main has them, and no more", inherited, .bad = "main has 0 1 2 3 5 9 20"},
    {"three descriptors allowed: runs, or says why not", three_descriptors, .fails = PEERS},
    {"stderr is full and nobody reads", stderr_full, .fails = PEERS},
    {"stderr has lost its reader", reader_gone, .fails = PEERS},
    {.name = NULL},
};
/* clang-format on */
