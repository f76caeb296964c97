/* Writing the audit log: one writer, whole lines, on the disk when it says so, whatever goes wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/wire/limits.h"
#include "tests/unit/wire/audit_support.h"

static void write_small_log(void)
{
    struct audit_log *log = audit_support_open();
    audit_support_append(log, AUDIT_OVERRIDE_USED, &audit_support_keeper,
                         json_pack("{s:s}", "what", "--commit-secrets"));
    audit_support_append(log, AUDIT_WORK_PUSHED, &audit_support_keeper,
                         json_pack("{s:s, s:s}", "branch", "shell/x", "commit", "0123"));
    audit_support_append(log, AUDIT_SESSION_END, &audit_support_keeper,
                         json_pack("{s:i, s:s}", "exit_code", 0, "cause", ""));
    audit_log_close(log);
}

/* Wherever the last line was torn, the next writer goes on behind the line before, and says so. */
static void mends_a_torn_last_line(void **state)
{
    (void)state;
    struct audit_chain chain;
    size_t size = 0;
    write_small_log();
    cleanup_free char *text = support_read(audit_support_log, &size);
    char *last = memrchr(text, '\n', size - 1);
    size_t whole = (size_t)(last - text) + 1;
    for (size_t cut = whole; cut < size; cut++) {
        char expected[64];
        size_t mended_size = 0;
        support_write(audit_support_log, text, cut);
        struct audit_log *log = audit_support_open();
        assert_int_equal(audit_log_note_tear(log, &audit_support_keeper, NULL), 0);
        assert_int_equal(audit_log_note_tear(log, &audit_support_keeper, NULL), 0);
        audit_log_close(log);
        assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), 0);
        assert_int_equal(chain.count, cut == whole ? 2 : 3);
        cleanup_free char *mended = support_read(audit_support_log, &mended_size);
        snprintf(expected, sizeof(expected), "\"found\":\"%zu bytes of one\"", cut - whole);
        assert_int_equal(strstr(mended, expected) != NULL, cut != whole);
    }
}

/* More than a line can be without an end is not what a crash leaves. */
static void keeps_a_tail_that_is_no_line(void **state)
{
    (void)state;
    struct audit_log *log = NULL;
    struct stat status;
    enum { TAIL = LIMIT_AUDIT_LINE_BYTES + 1 };
    char *tail = malloc(TAIL);
    memset(tail, 'x', TAIL);
    support_write(audit_support_log, tail, TAIL);
    free(tail);
    assert_int_equal(audit_log_open(audit_support_log, SUPPORT_SESSION, NULL, &log, NULL),
                     -EBADMSG);
    assert_int_equal(stat(audit_support_log, &status), 0);
    assert_int_equal(status.st_size, TAIL);
}

static uint64_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* The log has an unsynced line at once, the copy with the sync, the next append or the close. */
static void copies_unsynced_lines_later(void **state)
{
    (void)state;
    struct audit_chain chain;
    struct audit_log *log = audit_support_open();
    json_t *fields = json_pack("{s:s}", "what", "x");
    assert_int_equal(
        audit_log_append_unsynced(log, AUDIT_OVERRIDE_USED, &audit_support_keeper, fields, NULL),
        0);
    assert_int_equal(size_of(audit_support_log), audit_log_appended(log));
    assert_int_equal(size_of(audit_support_copies), 0);
    assert_int_equal(audit_log_sync(log, NULL), 0);
    assert_int_equal(size_of(audit_support_copies), audit_log_appended(log));
    for (int i = 0; i < 20000; i++)
        assert_int_equal(audit_log_append_unsynced(log, AUDIT_OVERRIDE_USED, &audit_support_keeper,
                                                   fields, NULL),
                         0);
    assert_in_range(size_of(audit_support_copies), 1, size_of(audit_support_log) - 1);
    audit_support_append(log, AUDIT_OVERRIDE_USED, &audit_support_keeper, json_incref(fields));
    assert_int_equal(size_of(audit_support_copies), size_of(audit_support_log));
    assert_int_equal(
        audit_log_append_unsynced(log, AUDIT_OVERRIDE_USED, &audit_support_keeper, fields, NULL),
        0);
    audit_log_close(log);
    json_decref(fields);
    assert_int_equal(size_of(audit_support_copies), size_of(audit_support_log));
    assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), 0);
    assert_int_equal(chain.count, 20003);
}

static void admits_one_writer(void **state)
{
    (void)state;
    struct audit_log *log = audit_support_open();
    struct audit_log *second = NULL;
    assert_int_equal(audit_log_open(audit_support_log, SUPPORT_SESSION, NULL, &second, NULL),
                     -EWOULDBLOCK);
    audit_log_close(log);
    assert_int_equal(audit_log_open(audit_support_log, SUPPORT_SESSION, NULL, &second, NULL), 0);
    audit_log_close(second);
}

/* A disk that is full in the middle of a line, by RLIMIT_FSIZE. */
static void leaves_no_half_line_on_a_full_disk(void **state)
{
    (void)state;
    struct audit_chain chain;
    struct stat status;
    write_small_log();
    assert_int_equal(stat(audit_support_log, &status), 0);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {.rlim_cur = (rlim_t)status.st_size + 50,
                                     .rlim_max = (rlim_t)status.st_size + 50};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        struct audit_log *log = audit_support_open();
        json_t *fields = json_pack("{s:s}", "what", "x");
        _exit(audit_log_append(log, AUDIT_OVERRIDE_USED, &audit_support_keeper, fields, NULL) ==
                      -EFBIG
                  ? 0
                  : 1);
    }
    int result = -1;
    waitpid(child, &result, 0);
    assert_int_equal(result, 0);
    assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), 0);
    assert_int_equal(chain.count, 3);
}

static void interleaves_sessions_by_whole_lines(void **state)
{
    (void)state;
    enum { WRITERS = 4, LINES = 20 };
    for (int writer = 0; writer < WRITERS; writer++) {
        if (fork() != 0)
            continue;
        json_t *fields = json_pack("{s:s, s:s}", "runtime", "podman", "why", "not supported");
        for (int i = 0; i < LINES; i++)
            if (audit_forward(audit_support_copies, AUDIT_RUNTIME_BLOCKED, &audit_support_keeper,
                              fields, NULL) != 0)
                _exit(1);
        _exit(0);
    }
    for (int writer = 0; writer < WRITERS; writer++) {
        int status = -1;
        wait(&status);
        assert_int_equal(status, 0);
    }
    size_t size = 0, lines = 0;
    cleanup_free char *text = support_read(audit_support_copies, &size);
    for (char *line = text; *line != '\0'; lines++) {
        char *end = strchr(line, '\n');
        json_t *record = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_string_equal(json_string_value(json_object_get(record, "event")), "runtime-blocked");
        json_decref(record);
        line = end + 1;
    }
    assert_int_equal(lines, WRITERS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mends_a_torn_last_line, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(keeps_a_tail_that_is_no_line, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(copies_unsynced_lines_later, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(admits_one_writer, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(leaves_no_half_line_on_a_full_disk, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(interleaves_sessions_by_whole_lines, audit_support_make,
                                        audit_support_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
