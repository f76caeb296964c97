/* The audit log: what is written verifies, and no byte of it can change unnoticed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
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

static void verifies_what_was_written(void **state)
{
    (void)state;
    struct audit_chain chain;
    struct error err = ERROR_INITIALIZER;
    struct stat status;
    size_t log_size = 0, forward_size = 0;
    write_small_log();
    assert_int_equal(audit_log_verify(audit_support_log, &chain, &err), 0);
    assert_int_equal(chain.count, 3);
    assert_string_equal(chain.session, SUPPORT_SESSION);
    assert_int_equal(stat(audit_support_log, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    cleanup_free char *log = support_read(audit_support_log, &log_size);
    cleanup_free char *forward = support_read(audit_support_copies, &forward_size);
    assert_int_equal(log_size, forward_size);
    assert_memory_equal(log, forward, log_size);
}

static void notices_every_changed_byte(void **state)
{
    (void)state;
    struct audit_chain chain;
    size_t size = 0;
    write_small_log();
    cleanup_free char *text = support_read(audit_support_log, &size);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)(text[i] ^ 1);
        int fd = open(audit_support_log, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, text, size, 0), (ssize_t)size);
        close(fd);
        if (audit_log_verify(audit_support_log, &chain, NULL) != -EBADMSG)
            fail_msg("byte %zu of %zu: '%c' was taken", i, size, text[i]);
        text[i] = (char)(text[i] ^ 1);
    }
    support_write(audit_support_log, text, size);
    assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), 0);
}

static void notices_every_cut_inside_a_line(void **state)
{
    (void)state;
    struct audit_chain chain;
    size_t size = 0, whole = 0;
    write_small_log();
    cleanup_free char *text = support_read(audit_support_log, &size);
    for (size_t cut = size; cut-- > 0;) {
        assert_int_equal(truncate(audit_support_log, (off_t)cut), 0);
        bool is_at_line = cut == 0 || text[cut - 1] == '\n';
        whole += is_at_line;
        assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL),
                         is_at_line ? 0 : -EBADMSG);
    }
    assert_int_equal(whole, 3);
}

/* Lines as they were written, in an order: each is intact by itself. */
static void write_lines(const char *text, const int *order, size_t count)
{
    char lines[8192];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *line = text;
        for (int skip = 0; skip < order[i]; skip++)
            line = strchr(line, '\n') + 1;
        size_t size = (size_t)(strchr(line, '\n') - line) + 1;
        memcpy(lines + used, line, size);
        used += size;
    }
    support_write(audit_support_log, lines, used);
}

static void notices_lines_that_moved(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { int order[4]; size_t count; int expected; } moves[] = {
        {{0, 1, 2}, 3, 0}, {{1, 0, 2}, 3, -EBADMSG}, {{0, 2}, 2, -EBADMSG}, {{1, 2}, 2, -EBADMSG},
        {{0, 0, 1, 2}, 4, -EBADMSG}, {{0, 1, 2, 2}, 4, -EBADMSG},
    };
    /* clang-format on */
    struct audit_chain chain;
    size_t size = 0;
    write_small_log();
    cleanup_free char *text = support_read(audit_support_log, &size);
    for (size_t i = 0; i < ARRAY_LENGTH(moves); i++) {
        write_lines(text, moves[i].order, moves[i].count);
        assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), moves[i].expected);
    }
}

static void goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct audit_chain chain;
    struct audit_log *log = NULL;
    struct error err = ERROR_INITIALIZER;
    write_small_log();
    write_small_log();
    assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), 0);
    assert_int_equal(chain.count, 6);
    assert_int_equal(audit_log_open(audit_support_log, OTHER_SESSION, NULL, &log, &err), -EPROTO);
    int fd = open(audit_support_log, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 100), 1);
    close(fd);
    assert_int_equal(audit_log_open(audit_support_log, SUPPORT_SESSION, NULL, &log, &err),
                     -EBADMSG);
    assert_non_null(strstr(error_text(&err), "line 1"));
}

static void lets_only_collect_follow_the_end(void **state)
{
    (void)state;
    struct audit_chain chain;
    struct audit_log *log = audit_support_open();
    audit_support_append(log, AUDIT_AUDIT_CLOSED, &audit_support_keeper,
                         json_pack("{s:i}", "records", 0));
    audit_support_append(
        log, AUDIT_WORK_COLLECTED, &audit_support_collect,
        json_pack("{s:s, s:s, s:s}", "branch", "b", "commit", "c", "repository", "/r"));
    assert_int_equal(audit_log_count(log), 2);
    assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), 0);
    assert_true(chain.is_closed);
    audit_support_append(log, AUDIT_OVERRIDE_USED, &audit_support_keeper,
                         json_pack("{s:s}", "what", "x"));
    assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), -EBADMSG);
    audit_log_close(log);
}

/* Fields of an event as JSON, and the words of the refusal; NULL when they are right. */
struct fields_case {
    enum audit_event event;
    const char *fields;
    const char *expected;
};

/* clang-format off */
static const struct fields_case fields_cases[] = {
    {AUDIT_OVERRIDE_USED, "{\"what\":\"x\"}", NULL},
    {AUDIT_OVERRIDE_USED, "{\"what_base64\":\"/w==\"}", NULL},
    {AUDIT_OVERRIDE_USED, "{}", "override-used: what is missing"},
    {AUDIT_OVERRIDE_USED, "[]", "fields must be an object"},
    {AUDIT_OVERRIDE_USED, "{\"what\":3}", "what must be a string"},
    {AUDIT_OVERRIDE_USED, "{\"what\":\"x\",\"what_base64\":\"eA==\"}", "what is given twice"},
    {AUDIT_OVERRIDE_USED, "{\"what\":\"x\",\"who\":\"y\"}", "'who' is not one of its fields"},
    {AUDIT_OVERRIDE_USED, "{\"what_base64\":\"%\"}", "what is not base64"},
    {AUDIT_BOOT_STEP, "{\"step\":\"git\",\"duration_us\":1,\"outcome\":\"up\"}", NULL},
    {AUDIT_BOOT_STEP, "{\"step\":\"git\",\"duration_us\":1,\"outcome\":\"up\",\"detail\":\"\"}", NULL},
    {AUDIT_BOOT_STEP, "{\"step\":\"git\",\"duration_us\":-1,\"outcome\":\"up\"}", "duration_us is negative"},
    {AUDIT_BOOT_STEP, "{\"step\":\"git\",\"duration_us\":1.5,\"outcome\":\"up\"}", "duration_us must be an integer"},
    {AUDIT_BOOT_STEP, "{\"step\":\"git\",\"duration_us\":1,\"outcome\":\"odd\"}", "outcome is none of"},
    {AUDIT_BOOT_REPORT, "{\"duration_us\":1,\"weaker\":[\"a\"]}", NULL},
    {AUDIT_BOOT_REPORT, "{\"duration_us\":1,\"weaker\":[1]}", "weaker must be a string"},
    {AUDIT_ENV_DETECT, "{\"kernel\":\"6\",\"engine\":\"20\",\"runc\":\"1\",\"apparmor\":0,\"cgroup\":\"2\"}", "apparmor must be true or false"},
    {AUDIT_EVENT_COUNT, "{}", "not in the table"},
};
/* clang-format on */

static void holds_fields_against_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(fields_cases); i++) {
        struct error err = ERROR_INITIALIZER;
        json_t *fields = json_loads(fields_cases[i].fields, 0, NULL);
        assert_non_null(fields);
        int result = audit_event_check(fields_cases[i].event, fields, &err);
        assert_int_equal(result, fields_cases[i].expected == NULL ? 0 : -EPROTO);
        if (fields_cases[i].expected != NULL &&
            strstr(error_text(&err), fields_cases[i].expected) == NULL)
            fail_msg("%s: '%s'", fields_cases[i].fields, error_text(&err));
        json_decref(fields);
    }
    for (enum audit_event event = 0; event < AUDIT_EVENT_COUNT; event++)
        assert_int_equal(audit_event_from_name(audit_event_name(event)), event);
    assert_int_equal(audit_event_from_name("surprise"), AUDIT_EVENT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(verifies_what_was_written, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(notices_every_changed_byte, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(notices_every_cut_inside_a_line, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(notices_lines_that_moved, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(goes_on_where_it_stopped, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(lets_only_collect_follow_the_end, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test(holds_fields_against_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
