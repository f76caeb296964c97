/* The store of an agent's data: what is merged is there once, and nothing that was there is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "lib/host/data_rolling.h"
#include "lib/host/data_store.h"
#include "lib/pack/pack_key.h"
#include "tests/unit/pack/tree.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"

/* The tree of the store of claude. */
static void store_path(const struct tree_fixture *fixture, char path[PATH_MAX])
{
    assert_int_equal(path_format(path, "%s/state/coding-agents/data/claude", fixture->directory),
                     0);
}

/* Packs the tree as what SESSION exported, with the key that the store has for that; NULL: as this
 * account's own data. */
static void pack_tree(const struct tree_fixture *fixture, const char *session)
{
    struct data_store store;
    unsigned char key[PACK_KEY_BYTES];
    struct pack_label label = {.direction = session != NULL ? PACK_EXPORT : PACK_IMPORT,
                               .agent = "claude",
                               .counter = session != NULL};
    if (session != NULL)
        snprintf(label.session, sizeof(label.session), "%s", session);
    assert_int_equal(data_store_open(&store, "claude", NULL), 0);
    pack_key_derive(store.master, &label, key);
    data_store_close(&store);
    tree_pack(fixture->tree, fixture->archive, &label, key);
}

static int merge(const struct tree_fixture *fixture, struct data_report *report, struct error *err)
{
    struct data_store store;
    cleanup_fd int fd = open(fixture->archive, O_RDONLY | O_CLOEXEC);
    int result = data_store_open(&store, "claude", err);
    if (result == 0)
        result = data_store_merge(&store, fd, report, err);
    data_store_close(&store);
    return result;
}

static struct data_report merge_well(const struct tree_fixture *fixture)
{
    struct data_report report;
    struct error err = ERROR_INITIALIZER;
    if (merge(fixture, &report, &err) != 0)
        fail_msg("%s", error_text(&err));
    return report;
}

static void tells_paths_with_an_id(void **state)
{
    /* clang-format off */
    static const struct { const char *path; bool has_id; } paths[] = {
        {".claude/history.jsonl", false},
        {".claude/projects/-workspace/" UUID ".jsonl", true},
        {".copilot/session-state/" UUID "/events.jsonl", true},
        {".codex/sessions/2026/11/30/rollout-2026-11-30T10-00-00-" UUID ".jsonl", true},
        {"logs/run-17.log", true},
        {"session-1/x", true},
        {"session-/x", false},
        {"logs/session.log", false},
        {"01234567-89ab-cdef-0123-456789abcdeg", false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
        assert_int_equal(pack_path_has_id(paths[i].path), paths[i].has_id);
}

/* clang-format off */
static const struct { const char *ours, *theirs, *added; } growths[] = {
    {"", "", ""},
    {"a\nb\n", "a\nb\n", ""},
    {"a\nb\n", "a\nb\nc\n", "c\n"},
    {"a\nb\nc\n", "a\nb\n", ""},
    {"a\nb\n", "a\nc\n", "c\n"},
    {"a\nb\nc\n", "a\nc\n", ""},
    {"a\n", "a\na\n", "a\n"},
    {"a\nx\na\n", "a\na\n", ""},
    {"a\nx\n", "a\na\na\n", "a\na\n"},
    {"a\nb", "a\nb\nc\n", "c\n"},
    {"a\n", "a\nb", "b\n"},
    {"a\nb\n", "b\na\n", ""},
    {"ab\n", "abc\n", "abc\n"},
};
/* clang-format on */

static void finds_the_lines_that_are_new(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(growths); i++) {
        const struct data_bytes ours = {growths[i].ours, strlen(growths[i].ours)};
        const struct data_bytes theirs = {growths[i].theirs, strlen(growths[i].theirs)};
        cleanup_free char *added = NULL;
        size_t size = 0;
        assert_int_equal(data_rolling_new(&ours, &theirs, &added, &size), 0);
        if (size != strlen(growths[i].added) ||
            (size > 0 && memcmp(added, growths[i].added, size) != 0))
            fail_msg("growth %zu: '%.*s'", i, (int)size, added != NULL ? added : "");
    }
}

static void merges_once_however_often(void **state)
{
    struct tree_fixture *fixture = *state;
    char store[PATH_MAX];
    store_path(fixture, store);
    tree_put(store, ".claude/history.jsonl", "old\nmine\n");
    tree_put(store, ".claude/projects/p/" UUID ".jsonl", "1\n");
    tree_put(store, "binary", "a");
    tree_put(fixture->tree, ".claude/history.jsonl", "old\ntheirs\n");
    tree_put(fixture->tree, ".claude/projects/p/" UUID ".jsonl", "other\n");
    tree_put(fixture->tree, ".claude/new", "n");
    pack_tree(fixture, "abcdefg2");
    struct data_report report = merge_well(fixture);
    assert_int_equal(report.added, 1);
    assert_int_equal(report.replaced, 0);
    assert_int_equal(report.extended, 2);
    cleanup_free char *history = tree_get(store, ".claude/history.jsonl");
    assert_string_equal(history, "old\nmine\ntheirs\n");
    cleanup_free char *once = tree_dump(store);
    report = merge_well(fixture);
    assert_int_equal(report.unchanged, 3);
    cleanup_free char *twice = tree_dump(store);
    assert_string_equal(once, twice);
    /* An archive of before does not take back what grew since. */
    tree_put(store, ".claude/projects/p/" UUID ".jsonl", "1\nother\nmore\n");
    report = merge_well(fixture);
    assert_int_equal(report.unchanged, 3);
    cleanup_free char *grown = tree_get(store, ".claude/projects/p/" UUID ".jsonl");
    assert_string_equal(grown, "1\nother\nmore\n");
}

/* Whoever merges last takes nothing of what is there away. */
static void loses_nothing_that_was_there(void **state)
{
    /* clang-format off */
    static const struct { const char *path, *ours, *theirs, *merged; } rows[] = {
        {"p/" UUID ".jsonl", "1\nmine\n", "1\ntheirs\n", "1\nmine\ntheirs\n"},
        {"q/" UUID ".jsonl", "1\n2\n", "x\n", "1\n2\nx\n"},
        {"r/" UUID ".txt", "one", "one and more", "one and more"},
        {"r/" UUID ".zip", "one", "another", "one"},
        {"r/session-1.log", "one\n", "another\n", "one\n"},
    };
    /* clang-format on */
    struct tree_fixture *fixture = *state;
    char store[PATH_MAX], path[PATH_MAX];
    struct stat status;
    store_path(fixture, store);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        tree_put(store, rows[i].path, rows[i].ours);
        tree_put(fixture->tree, rows[i].path, rows[i].theirs);
    }
    tree_put(fixture->tree, "future/" UUID ".jsonl", "x\n");
    assert_int_equal(path_format(path, "%s/future/" UUID ".jsonl", fixture->tree), 0);
    const struct timespec times[2] = {{.tv_sec = 4070908800}, {.tv_sec = 4070908800}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    pack_tree(fixture, "abcdefg2");
    struct data_report report = merge_well(fixture);
    assert_int_equal(report.extended, 2);
    assert_int_equal(report.replaced, 1);
    assert_int_equal(report.left, 2);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        cleanup_free char *merged = tree_get(store, rows[i].path);
        assert_string_equal(merged, rows[i].merged);
    }
    assert_int_equal(path_format(path, "%s/future/" UUID ".jsonl", store), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_mtime <= time(NULL));
}

/* Eight sessions that began with the same history, merged at once. */
static void interleaves_sessions_without_loss(void **state)
{
    enum { SESSIONS = 8, LINES = 50 };
    struct tree_fixture *fixture = *state;
    char store[PATH_MAX];
    store_path(fixture, store);
    tree_put(store, "history", "begin\n");
    for (int i = 0; i < SESSIONS; i++) {
        char text[LINES * 24] = "begin\n";
        char session[] = "abcdefga";
        session[7] = (char)('a' + i);
        for (int line = 0; line < LINES; line++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "session %d line %d\n", i,
                     line);
        tree_put(fixture->tree, "history", text);
        assert_int_equal(path_format(fixture->archive, "%.4000s/archive-%d", fixture->directory, i),
                         0);
        pack_tree(fixture, session);
    }
    for (int i = 0; i < SESSIONS; i++) {
        if (fork() != 0)
            continue;
        struct data_report report;
        (void)path_format(fixture->archive, "%.4000s/archive-%d", fixture->directory, i);
        _exit(merge(fixture, &report, NULL) == 0 && report.extended == 1 ? 0 : 1);
    }
    for (int i = 0; i < SESSIONS; i++) {
        int status = -1;
        wait(&status);
        assert_int_equal(status, 0);
    }
    cleanup_free char *history = tree_get(store, "history");
    size_t lines = 0;
    for (const char *at = history; *at != '\0'; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 1 + SESSIONS * LINES);
}

/* What is refused has touched nothing. */
static void leaves_the_store_alone_when_it_refuses(void **state)
{
    struct tree_fixture *fixture = *state;
    struct data_report report;
    struct error err = ERROR_INITIALIZER;
    char store[PATH_MAX], path[PATH_MAX];
    size_t size = 0;
    store_path(fixture, store);
    tree_put(store, "a", "mine\n");
    tree_put(fixture->tree, "a", "theirs\n");
    tree_put(fixture->tree, "b", "new\n");
    cleanup_free char *before = tree_dump(store);
    pack_tree(fixture, "abcdefg2");
    cleanup_free char *archive = support_read(fixture->archive, &size);
    /* The last file's byte. */
    *(char *)memmem(archive, size, "new\n", 4) = 'N';
    support_write(fixture->archive, archive, size);
    assert_int_equal(merge(fixture, &report, &err), -EBADMSG);
    assert_non_null(strstr(error_text(&err), "'data/b' has another digest"));
    /* An export of one session for another one, and an archive of another agent. */
    static const struct pack_label labels[] = {
        {.direction = PACK_EXPORT, .agent = "claude", .session = "bbbbbbbb"},
        {.direction = PACK_IMPORT, .agent = "codex"},
        {.direction = PACK_EXPORT, .agent = "claude"},
        {.direction = PACK_IMPORT, .agent = "claude", .session = "abcdefg2"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(labels); i++) {
        struct data_store opened;
        unsigned char key[PACK_KEY_BYTES];
        struct pack_label other = labels[i];
        assert_int_equal(data_store_open(&opened, "claude", NULL), 0);
        /* The first has another session's key, the others their own. */
        if (i == 0)
            other.session[0] = 'c';
        pack_key_derive(opened.master, &other, key);
        data_store_close(&opened);
        tree_pack(fixture->tree, fixture->archive, &labels[i], key);
        assert_int_not_equal(merge(fixture, &report, &err), 0);
    }
    /* A link where a directory or a file is to be. */
    tree_put(fixture->tree, "d/e", "x");
    pack_tree(fixture, "abcdefg2");
    assert_int_equal(path_format(path, "%s/d", store), 0);
    assert_int_equal(symlink(fixture->other, path), 0);
    assert_int_not_equal(merge(fixture, &report, &err), 0);
    assert_int_equal(unlink(path), 0);
    cleanup_free char *after = tree_dump(store);
    assert_string_equal(before, after);
    cleanup_free char *outside = tree_dump(fixture->other);
    assert_string_equal(outside, "");
    assert_int_equal(path_format(path, "%.4000s/../.claude.work", store), 0);
    assert_int_equal(access(path, F_OK), -1);
}

/* Runs coding-agents-data with three words. Its exit code; *OUTPUT is owned. */
static int run(const char *action, const char *agent, const char *file, char **output)
{
    char directory[PATH_MAX], program[PATH_MAX];
    const char *argv[] = {program, action, agent, file, NULL};
    assert_int_equal(path_of_program(directory, NULL), 0);
    assert_int_equal(
        path_format(program, "%s/../../host/libexec/coding-agents/coding-agents-data", directory),
        0);
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = -1,
                                      .standard_output = -1,
                                      .standard_error = -1,
                                      .timeout_ms = 60000};
    struct process_result result = {.output = NULL};
    assert_int_equal(process_run(&spec, &result, NULL), 0);
    assert_true(asprintf(output, "%s%s", result.output, result.error_output) >= 0);
    int code = process_exit_code(result.wait_status);
    process_result_free(&result);
    return code;
}

static void works_as_a_command(void **state)
{
    struct tree_fixture *fixture = *state;
    cleanup_free char *exported = NULL, *again = NULL, *verified = NULL, *imported = NULL;
    cleanup_free char *refused = NULL, *unknown = NULL, *badly = NULL;
    char store[PATH_MAX], elsewhere[PATH_MAX];
    struct stat status;
    store_path(fixture, store);
    tree_put(store, ".claude/history.jsonl", "one\n");
    assert_int_equal(run("export", "claude", fixture->archive, &exported), 0);
    assert_string_equal(exported, "1 files, 0 left out\n");
    assert_int_equal(stat(fixture->archive, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(run("export", "claude", fixture->archive, &again), 210);
    assert_int_equal(run("verify", "claude", fixture->archive, &verified), 0);
    assert_string_equal(verified, "whole: 1 files, 4 bytes, of this account's data\n");
    tree_put(store, ".claude/history.jsonl", "one\ntwo\n");
    assert_int_equal(run("import", "claude", fixture->archive, &imported), 0);
    assert_non_null(strstr(imported, "1 unchanged"));
    assert_int_equal(run("verify", "codex", fixture->archive, &unknown), 1);
    assert_int_equal(run("verify", "../x", fixture->archive, &badly), 200);
    /* Another account's: its key is another one. */
    assert_int_equal(path_format(elsewhere, "%s/elsewhere", fixture->directory), 0);
    setenv("XDG_STATE_HOME", elsewhere, 1);
    assert_int_equal(run("import", "claude", fixture->archive, &refused), 1);
    assert_non_null(strstr(refused, "is refused: its manifest was not made with the key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_paths_with_an_id),
        cmocka_unit_test(finds_the_lines_that_are_new),
        TREE_TEST(merges_once_however_often),
        TREE_TEST(loses_nothing_that_was_there),
        TREE_TEST(interleaves_sessions_without_loss),
        TREE_TEST(leaves_the_store_alone_when_it_refuses),
        TREE_TEST(works_as_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
