/* A merge that is killed at any moment: the store has all of the archive or nothing of it, and the
 * next one brings it to the end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/host/data_store.h"
#include "lib/pack/pack_key.h"
#include "tests/unit/pack/tree.h"

#define FILES 24
#define UUID "01234567-89ab-cdef-0123-4567890000"

static void make_trees(const struct tree_fixture *fixture, const char *store)
{
    for (int i = 0; i < FILES; i++) {
        char path[128];
        snprintf(path, sizeof(path), "p/" UUID "%02d.jsonl", i);
        tree_put(store, path, "before\n");
        tree_put(fixture->tree, path, "after\n");
        snprintf(path, sizeof(path), "log-%d", i);
        tree_put(store, path, "one\n");
        tree_put(fixture->tree, path, "one\ntwo\n");
        snprintf(path, sizeof(path), "new/%d/file", i);
        tree_put(fixture->tree, path, "new\n");
    }
}

static void pack_tree(const struct tree_fixture *fixture)
{
    struct data_store store;
    unsigned char key[PACK_KEY_BYTES];
    const struct pack_label label = {
        .direction = PACK_EXPORT, .agent = "claude", .session = "abcdefg2", .counter = 1};
    assert_int_equal(data_store_open(&store, "claude", NULL), 0);
    pack_key_derive(store.master, &label, key);
    data_store_close(&store);
    tree_pack(fixture->tree, fixture->archive, &label, key);
}

static int merge(const struct tree_fixture *fixture)
{
    struct data_store store;
    struct data_report report;
    cleanup_fd int fd = open(fixture->archive, O_RDONLY | O_CLOEXEC);
    int result = data_store_open(&store, "claude", NULL);
    if (result == 0)
        result = data_store_merge(&store, fd, &report, NULL);
    data_store_close(&store);
    return result;
}

/* Opens and closes it: what was decided is made, what was not is thrown away. */
static void recover(void)
{
    struct data_store store;
    struct error err = ERROR_INITIALIZER;
    if (data_store_open(&store, "claude", &err) != 0)
        fail_msg("%s", error_text(&err));
    data_store_close(&store);
}

static uint64_t time_a_merge(const struct tree_fixture *fixture)
{
    uint64_t start = clock_monotonic_ns();
    assert_int_equal(merge(fixture), 0);
    return clock_monotonic_ns() - start;
}

static void kill_after(const struct tree_fixture *fixture, uint64_t delay_ns)
{
    const struct timespec delay = {
        .tv_sec = (time_t)(delay_ns / CLOCK_NANOSECONDS_PER_SECOND),
        .tv_nsec = (long)(delay_ns % CLOCK_NANOSECONDS_PER_SECOND),
    };
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(merge(fixture) == 0 ? 0 : 1);
    nanosleep(&delay, NULL);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

static void is_whole_whenever_it_is_killed(void **state)
{
    struct tree_fixture *fixture = *state;
    const char *soak = getenv("SOAK");
    int rounds = soak != NULL && strcmp(soak, "1") == 0 ? 500 : 40;
    unsigned int seed = (unsigned int)time(NULL);
    int undone = 0, done = 0;
    char store[PATH_MAX];
    assert_int_equal(path_format(store, "%s/state/coding-agents/data/claude", fixture->directory),
                     0);
    make_trees(fixture, store);
    pack_tree(fixture);
    cleanup_free char *before = tree_dump(store);
    uint64_t whole_ns = time_a_merge(fixture);
    cleanup_free char *after = tree_dump(store);
    assert_string_not_equal(before, after);
    uint64_t most_ns = whole_ns;
    print_message("seed %u, a merge takes %llu us\n", seed, (unsigned long long)whole_ns / 1000);
    for (int i = 0; i < rounds; i++) {
        assert_int_equal(path_remove_contents(store, NULL), 0);
        make_trees(fixture, store);
        kill_after(fixture, most_ns * (uint64_t)(rand_r(&seed) % 1000) / 1000);
        recover();
        cleanup_free char *found = tree_dump(store);
        bool is_undone = strcmp(found, before) == 0;
        bool is_done = strcmp(found, after) == 0;
        if (!is_undone && !is_done)
            fail_msg("round %d: half of it:\n%s", i, found);
        undone += is_undone;
        done += is_done;
        /* A machine is busy or it is not: about as many on either side of the decision. */
        most_ns = is_undone ? most_ns * 5 / 4 : most_ns * 4 / 5 + 1;
        assert_int_equal(merge(fixture), 0);
        cleanup_free char *again = tree_dump(store);
        assert_string_equal(again, after);
    }
    print_message("%d killed before the decision, %d behind it\n", undone, done);
    assert_true(undone > 0 && done > 0);
}

static const char moves[] = "[{\"from\":\"in/a\",\"to\":\"x/a\"},{\"from\":\"in/b\",\"to\":\"b\"},"
                            "{\"from\":\"new/0\",\"to\":\"log\"}]";

/* As a merge leaves it that was killed between its moves, with JOURNAL as its decision (NULL:
 * none). STORE and WORK are its directories. */
static void leave_half_a_merge(const struct tree_fixture *fixture, const char *journal,
                               char store[PATH_MAX], char work[PATH_MAX])
{
    assert_int_equal(path_format(store, "%s/state/coding-agents/data/claude", fixture->directory),
                     0);
    assert_int_equal(
        path_format(work, "%s/state/coding-agents/data/.claude.work", fixture->directory), 0);
    tree_put(store, "log", "one\n");
    tree_put(store, "x/a", "moved\n");
    tree_put(work, "in/b", "new b\n");
    tree_put(work, "new/0", "one\ntwo\n");
    if (journal != NULL)
        tree_put(work, "commit", journal);
}

static void makes_the_moves_that_are_missing(void **state)
{
    struct tree_fixture *fixture = *state;
    char store[PATH_MAX], work[PATH_MAX];
    leave_half_a_merge(fixture, moves, store, work);
    recover();
    cleanup_free char *found = tree_dump(store);
    assert_string_equal(found, "b: new b\n|\nlog: one\ntwo\n|\nx/a: moved\n|\n");
    assert_int_equal(access(work, F_OK), -1);
}

static void throws_away_what_was_not_decided(void **state)
{
    struct tree_fixture *fixture = *state;
    char store[PATH_MAX], work[PATH_MAX];
    leave_half_a_merge(fixture, NULL, store, work);
    recover();
    cleanup_free char *found = tree_dump(store);
    assert_string_equal(found, "log: one\n|\nx/a: moved\n|\n");
    assert_int_equal(access(work, F_OK), -1);
}

/* Nobody writes such a journal; a store that has one is left alone, and says so. */
static void refuses_a_journal_that_leads_elsewhere(void **state)
{
    static const char *const journals[] = {
        "[{\"from\":\"in/b\",\"to\":\"../evil\"}]",
        "[{\"from\":\"../../x\",\"to\":\"b\"}]",
        "[1]",
        "{",
    };
    struct tree_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(journals); i++) {
        struct data_store opened;
        struct error err = ERROR_INITIALIZER;
        char store[PATH_MAX], work[PATH_MAX];
        leave_half_a_merge(fixture, journals[i], store, work);
        assert_int_equal(data_store_open(&opened, "claude", &err), -EPROTO);
        data_store_close(&opened);
        assert_non_null(strstr(error_text(&err), "journal"));
        cleanup_free char *found = tree_dump(store);
        assert_string_equal(found, "log: one\n|\nx/a: moved\n|\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(is_whole_whenever_it_is_killed),
        TREE_TEST(makes_the_moves_that_are_missing),
        TREE_TEST(throws_away_what_was_not_decided),
        TREE_TEST(refuses_a_journal_that_leads_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
