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
#include "lib/base/path.h"
#include "lib/wire/audit.h"
#include "lib/wire/limits.h"
#include "tests/unit/wire/support.h"

static char directory[PATH_MAX];
static char log_path[PATH_MAX];
static char forward_path[PATH_MAX];
static const struct audit_source keeper = {.program = "keeper", .uid = 1000, .pid = 42};

static int make(void **state)
{
    (void)state;
    support_directory_make(directory);
    assert_int_equal(path_format(log_path, "%s/events.jsonl", directory), 0);
    assert_int_equal(path_format(forward_path, "%s/security-events.log", directory), 0);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    support_directory_remove(directory);
    return 0;
}

static struct audit_log *open_log(void)
{
    struct audit_log *log = NULL;
    struct error err = ERROR_INITIALIZER;
    if (audit_log_open(log_path, SUPPORT_SESSION, forward_path, &log, &err) != 0)
        fail_msg("%s", error_text(&err));
    return log;
}

static void append(struct audit_log *log, enum audit_event event, const struct audit_source *source,
                   json_t *fields)
{
    struct error err = ERROR_INITIALIZER;
    assert_non_null(fields);
    if (audit_log_append(log, event, source, fields, &err) != 0)
        fail_msg("%s", error_text(&err));
    json_decref(fields);
}

static void write_small_log(void)
{
    struct audit_log *log = open_log();
    append(log, AUDIT_OVERRIDE_USED, &keeper, json_pack("{s:s}", "what", "--commit-secrets"));
    append(log, AUDIT_WORK_PUSHED, &keeper,
           json_pack("{s:s, s:s}", "branch", "shell/x", "commit", "0123"));
    append(log, AUDIT_SESSION_END, &keeper, json_pack("{s:i, s:s}", "exit_code", 0, "cause", ""));
    audit_log_close(log);
}

/* Wherever the last line was torn, the next writer goes on behind the line before, and says so. */
static void mends_a_torn_last_line(void **state)
{
    (void)state;
    struct audit_chain chain;
    size_t size = 0;
    write_small_log();
    cleanup_free char *text = support_read(log_path, &size);
    char *last = memrchr(text, '\n', size - 1);
    size_t whole = (size_t)(last - text) + 1;
    for (size_t cut = whole; cut < size; cut++) {
        char expected[64];
        size_t mended_size = 0;
        support_write(log_path, text, cut);
        struct audit_log *log = open_log();
        assert_int_equal(audit_log_note_tear(log, &keeper, NULL), 0);
        assert_int_equal(audit_log_note_tear(log, &keeper, NULL), 0);
        audit_log_close(log);
        assert_int_equal(audit_log_verify(log_path, &chain, NULL), 0);
        assert_int_equal(chain.count, cut == whole ? 2 : 3);
        cleanup_free char *mended = support_read(log_path, &mended_size);
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
    support_write(log_path, tail, TAIL);
    free(tail);
    assert_int_equal(audit_log_open(log_path, SUPPORT_SESSION, NULL, &log, NULL), -EBADMSG);
    assert_int_equal(stat(log_path, &status), 0);
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
    struct audit_log *log = open_log();
    json_t *fields = json_pack("{s:s}", "what", "x");
    assert_int_equal(audit_log_append_unsynced(log, AUDIT_OVERRIDE_USED, &keeper, fields, NULL), 0);
    assert_int_equal(size_of(log_path), audit_log_appended(log));
    assert_int_equal(size_of(forward_path), 0);
    assert_int_equal(audit_log_sync(log, NULL), 0);
    assert_int_equal(size_of(forward_path), audit_log_appended(log));
    for (int i = 0; i < 20000; i++)
        assert_int_equal(audit_log_append_unsynced(log, AUDIT_OVERRIDE_USED, &keeper, fields, NULL),
                         0);
    assert_in_range(size_of(forward_path), 1, size_of(log_path) - 1);
    append(log, AUDIT_OVERRIDE_USED, &keeper, json_incref(fields));
    assert_int_equal(size_of(forward_path), size_of(log_path));
    assert_int_equal(audit_log_append_unsynced(log, AUDIT_OVERRIDE_USED, &keeper, fields, NULL), 0);
    audit_log_close(log);
    json_decref(fields);
    assert_int_equal(size_of(forward_path), size_of(log_path));
    assert_int_equal(audit_log_verify(log_path, &chain, NULL), 0);
    assert_int_equal(chain.count, 20003);
}

static void admits_one_writer(void **state)
{
    (void)state;
    struct audit_log *log = open_log();
    struct audit_log *second = NULL;
    assert_int_equal(audit_log_open(log_path, SUPPORT_SESSION, NULL, &second, NULL), -EWOULDBLOCK);
    audit_log_close(log);
    assert_int_equal(audit_log_open(log_path, SUPPORT_SESSION, NULL, &second, NULL), 0);
    audit_log_close(second);
}

/* A disk that is full in the middle of a line, by RLIMIT_FSIZE. */
static void leaves_no_half_line_on_a_full_disk(void **state)
{
    (void)state;
    struct audit_chain chain;
    struct stat status;
    write_small_log();
    assert_int_equal(stat(log_path, &status), 0);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {.rlim_cur = (rlim_t)status.st_size + 50,
                                     .rlim_max = (rlim_t)status.st_size + 50};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        struct audit_log *log = open_log();
        json_t *fields = json_pack("{s:s}", "what", "x");
        _exit(audit_log_append(log, AUDIT_OVERRIDE_USED, &keeper, fields, NULL) == -EFBIG ? 0 : 1);
    }
    int result = -1;
    waitpid(child, &result, 0);
    assert_int_equal(result, 0);
    assert_int_equal(audit_log_verify(log_path, &chain, NULL), 0);
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
            if (audit_forward(forward_path, AUDIT_RUNTIME_BLOCKED, &keeper, fields, NULL) != 0)
                _exit(1);
        _exit(0);
    }
    for (int writer = 0; writer < WRITERS; writer++) {
        int status = -1;
        wait(&status);
        assert_int_equal(status, 0);
    }
    size_t size = 0, lines = 0;
    cleanup_free char *text = support_read(forward_path, &size);
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
        cmocka_unit_test_setup_teardown(mends_a_torn_last_line, make, remove_all),
        cmocka_unit_test_setup_teardown(keeps_a_tail_that_is_no_line, make, remove_all),
        cmocka_unit_test_setup_teardown(copies_unsynced_lines_later, make, remove_all),
        cmocka_unit_test_setup_teardown(admits_one_writer, make, remove_all),
        cmocka_unit_test_setup_teardown(leaves_no_half_line_on_a_full_disk, make, remove_all),
        cmocka_unit_test_setup_teardown(interleaves_sessions_by_whole_lines, make, remove_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
