/* Runs every item against every init, several at a time, and tells the outcomes as TAP and as a
 * list. */
#include "tests/torture/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

/* Most of an item is waiting. */
#define JOBS 12
#define CELLS_MAX 512
#define WORD_SIZE 64
/* For what should come; for what is known not to; for all of an item. */
#define PATIENCE_MS 60000
#define SHORT_PATIENCE_MS 2500
#define ITEM_SECONDS 120
#define SOAK_ITEM_SECONDS 1200
#define SOAK_PATIENCE_MS 600000

enum outcome { PASSED, FAILED, BROKEN };

struct cell {
    const struct item *item;
    enum peer peer;
    pid_t pid; /* 0: not begun, or over */
    int result;
    bool is_over;
    enum outcome outcome;
    char word[WORD_SIZE];
};

static const char *const peer_names[PEER_COUNT] = {
    [AGENT_INIT] = "agent-init", [TINI] = "tini",         [DUMB_INIT] = "dumb-init",
    [CATATONIT] = "catatonit",   [BAD_INIT] = "bad-init",
};

static const struct item *const families[] = {
    exit_items,       orphan_items,      signal_items,   startup_items, terminal_items,
    descriptor_items, environment_items, resource_items, service_items,
};

/* Of the process of one item. */
static const struct cell *cell_now;
/* Shared with what becomes PID 1, so that what it could not prepare is not taken for its failure.
 */
static bool *is_broken;

enum peer peer_now(void)
{
    return cell_now->peer;
}

static bool is_expected_to_fail(const struct cell *cell)
{
    return cell->peer == BAD_INIT || (cell->item->fails & BIT(cell->peer)) != 0;
}

int patience_ms(void)
{
    return is_expected_to_fail(cell_now) ? SHORT_PATIENCE_MS : preparation_ms();
}

int preparation_ms(void)
{
    return (int)size_of(PATIENCE_MS, SOAK_PATIENCE_MS);
}

unsigned size_of(unsigned small, unsigned big)
{
    const char *soak = getenv("SOAK");
    return soak != NULL && strcmp(soak, "1") == 0 ? big : small;
}

void pass(void)
{
    _exit(*is_broken ? BROKEN : PASSED);
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!*is_broken)
        vdprintf(cell_now->result, format, arguments);
    va_end(arguments);
    _exit(*is_broken ? BROKEN : FAILED);
}

void broken(const char *what)
{
    dprintf(cell_now->result, "%s: %s", what, strerror(errno));
    *is_broken = true;
    _exit(BROKEN);
}

/* The process of one item: dies with the harness, and with it PID 1. */
static void begin(struct cell *cell)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        abort();
    cell->pid = fork();
    if (cell->pid < 0)
        abort();
    if (cell->pid == 0) {
        cell->result = ends[1];
        cell_now = cell;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        is_broken = mmap(NULL, sizeof(*is_broken), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (is_broken == MAP_FAILED)
            abort();
        alarm(size_of(ITEM_SECONDS, SOAK_ITEM_SECONDS));
        cell->item->run();
        fail("came to no end");
    }
    close(ends[1]);
    cell->result = ends[0];
}

static void end(struct cell *cell, int status)
{
    ssize_t size = read(cell->result, cell->word, sizeof(cell->word) - 1);
    cell->word[size > 0 ? size : 0] = '\0';
    close(cell->result);
    cell->pid = 0;
    cell->is_over = true;
    cell->outcome = WIFEXITED(status) ? (enum outcome)WEXITSTATUS(status) : BROKEN;
    if (!WIFEXITED(status))
        snprintf(cell->word, sizeof(cell->word), "took too long");
}

/* Waits for one item to end. */
static void await_one(struct cell *cells, size_t count)
{
    int status;
    pid_t pid = wait(&status);
    for (size_t i = 0; i < count; i++) {
        if (pid > 0 && cells[i].pid == pid)
            end(&cells[i], status);
    }
}

static void run_all(struct cell *cells, size_t count)
{
    size_t running = 0;
    size_t jobs = size_of(JOBS, 1); /* full sizes need the machine for themselves */
    for (size_t i = 0; i < count; i++, running++) {
        if (running == jobs) {
            await_one(cells, count);
            running--;
        }
        begin(&cells[i]);
    }
    while (running-- > 0)
        await_one(cells, count);
}

/* The bad init shows that an item can fail when no other one does. */
static bool is_wanted(const struct item *item, enum peer peer)
{
    return peer == BAD_INIT ? item->fails == 0 : (item->none & BIT(peer)) == 0;
}

/* A cell for each init that ITEM is about; at most ROOM. */
static size_t list_item(struct cell *cells, size_t room, const struct item *item)
{
    size_t count = 0;
    for (int peer = 0; peer < PEER_COUNT && count < room; peer++) {
        if (is_wanted(item, (enum peer)peer))
            cells[count++] = (struct cell){.item = item, .peer = (enum peer)peer};
    }
    return count;
}

static size_t list_cells(struct cell *cells, const char *pattern)
{
    size_t count = 0;
    for (size_t family = 0; family < ARRAY_LENGTH(families); family++) {
        for (const struct item *item = families[family]; item->name != NULL; item++) {
            if (pattern == NULL || strstr(item->name, pattern) != NULL)
                count += list_item(cells + count, CELLS_MAX - count, item);
        }
    }
    return count;
}

static bool tell(const struct cell *cell, size_t number)
{
    static const char *const outcomes[] = {"passes", "fails", "cannot be tried"};
    enum outcome expected = is_expected_to_fail(cell) ? FAILED : PASSED;
    bool is_ok = cell->outcome == expected;
    /* Or it would be enough that it does not work at all. */
    if (cell->peer == BAD_INIT)
        is_ok = is_ok && cell->item->bad != NULL && strcmp(cell->word, cell->item->bad) == 0;
    printf("%s %zu %s: %s %s%s%s\n", is_ok ? "ok" : "not ok", number, cell->item->name,
           peer_names[cell->peer], outcomes[cell->outcome], cell->word[0] == '\0' ? "" : ": ",
           cell->word);
    return is_ok;
}

/* A line for each outcome that is of interest: item, init, outcome. */
static void write_outcomes(const char *path, const struct cell *cells, size_t count)
{
    cleanup_file FILE *file = fopen(path, "we");
    if (file == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &cells[i];
        if (cell->peer == BAD_INIT)
            continue;
        fprintf(file, "%s\t%s\t%s%s%s\n", cell->item->name, peer_names[cell->peer],
                cell->outcome == PASSED ? "pass" : "fail", cell->word[0] == '\0' ? "" : ": ",
                cell->word);
    }
}

/* torture OUTCOMES [PART-OF-A-NAME] */
int main(int argc, char **argv)
{
    static struct cell cells[CELLS_MAX];
    size_t failed = 0;
    if (argc < 2)
        return 2;
    sys_close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); /* of whoever started this */
    /* Nor what it left ignored or blocked: GNU make leaves the C library's own two signals so. */
    sys_reset_signal_dispositions();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    size_t count = list_cells(cells, argc > 2 ? argv[2] : NULL);
    printf("1..%zu\n", count);
    run_all(cells, count);
    for (size_t i = 0; i < count; i++)
        failed += !tell(&cells[i], i + 1);
    write_outcomes(argv[1], cells, count);
    return failed == 0 && count > 0 ? 0 : 1;
}
