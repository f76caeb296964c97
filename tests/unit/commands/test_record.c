/* The commands of a session as `coding-agents record` shows them, from a real log. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-shim/commands/exec_view.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "tests/unit/commands/log.h"
#include "tests/unit/wire/support.h"

/* Runs the program on the session. Its output is owned by the caller. */
static char *record(struct log_fixture *fixture, const char *option, const char *second,
                    int expected)
{
    return log_run(fixture, (const char *const[]){"record", fixture->session, option, second, NULL},
                   expected);
}

static void shows_commands_with_what_ran_inside(void **state)
{
    struct log_fixture *fixture = *state;
    log_start(fixture, "t1", json_pack("[s,s]", "make", "all"));
    log_start(fixture, "t2", json_pack("[s]", "sleep"));
    log_nested(fixture, "t1", "sandbox", "gcc");
    log_denied(fixture, "t3");
    log_end(fixture, "t1", 2, 0);
    log_start(fixture, "t4", json_pack("[s]", "make"));
    log_end(fixture, "t4", 137, 9);
    cleanup_free char *output = record(fixture, NULL, NULL, 0);
    assert_string_equal(
        output, "STARTED              DURATION  EXIT      TIER             COMMAND\n"
                "2026-01-02 03:04:05     1.23s  2         read             make all\n"
                "2026-01-02 03:04:06                      destructive        gcc -c\n"
                "2026-01-02 03:04:05         -  running   read             sleep [/usr/bin/make]\n"
                "2026-01-02 03:04:05         -  denied    destructive      rm -rf [/usr/bin/make]\n"
                "    denied by rule a-rule: \\x1b[2J no\n"
                "2026-01-02 03:04:05     1.23s  SIGKILL   read             make\n");
}

static void quotes_what_is_no_plain_word(void **state)
{
    struct log_fixture *fixture = *state;
    log_start(fixture, "t1", json_pack("[s,s,s,s,s]", "make", "", "a b", "it's", "\x1b]0;x\x07\\"));
    json_t *fields = log_start_fields("t2", "sandbox", "none", json_array());
    json_object_del(fields, "argv");
    json_object_set_new(fields, "argv_base64", json_pack("[s,s]", "bWFrZQ==", "/yc="));
    json_object_set_new(fields, "argv_is_cut", json_true());
    log_append(fixture, AUDIT_EXEC_START, fields);
    log_start(fixture, "t3", json_array());
    cleanup_free char *output = record(fixture, NULL, NULL, 0);
    log_shows(output, "  make '' 'a b' 'it'\\''s' $'\\x1b]0;x\\x07\\\\'\n");
    log_shows(output, "-                make $'\\xff\\'' ... (9 arguments in all)\n");
    log_shows(output, "  [/usr/bin/make]\n");
}

static void filters(void **state)
{
    struct log_fixture *fixture = *state;
    /* clang-format off */
    static const struct { const char *option, *second; size_t expected; } cases[] = {
        {"--denied", NULL, 2}, {"--failed", NULL, 2}, {"--denied", "--failed", 1}, {"--tier=read", NULL, 4},
        {"--tier=destructive", NULL, 2}, {"--tier=privileged", NULL, 0}, {"--since=2026-01-02T03:04:05Z", NULL, 4},
        {"--program=make", NULL, 4}, {"--program=/usr/bin/*", NULL, 4}, {"--program=gcc", NULL, 1},
        {"--program=ba?", NULL, 1}, {"--program=nosuch", NULL, 0}, {"--program=/usr/bin", NULL, 0},
        {"--program=rm", "--denied", 1}, {"--program=gcc", "--failed", 0},
        {"--since=2026-01-02T03:04:06Z", NULL, 0}, {"--since=1m", NULL, 0}, {"--since=99999999d", NULL, 4},
    };
    /* clang-format on */
    log_start(fixture, "t1", json_pack("[s]", "good"));
    log_end(fixture, "t1", 0, 0);
    log_start(fixture, "t2", json_pack("[s]", "bad"));
    log_end(fixture, "t2", 1, 0);
    log_start(fixture, "t3", json_pack("[s]", "inside"));
    log_nested(fixture, "t3", "deny", "gcc");
    log_end(fixture, "t3", 0, 0);
    log_denied(fixture, "t4");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        cleanup_free char *output = record(fixture, cases[i].option, cases[i].second, 0);
        if (log_count(output, "03:04:05") != cases[i].expected)
            fail_msg("%s: %s", cases[i].option, output);
    }
    /* clang-format off */
    static const struct { const char *option, *text; } wrong[] = {
        {"--tier=none", "--tier wants read, "}, {"--tier=x", "not 'x'"},
        {"--since=1", "--since wants 30s, 10m, 2h or 3d, or a time as 2026-01-02T03:04:05Z, not '1'"},
        {"--since=1w", "not '1w'"}, {"--since=m", "not 'm'"}, {"--since=", "not ''"},
        {"--program=[x", "--program wants a name or a path"}, {"--program=", "'' is empty"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        free(record(fixture, wrong[i].option, NULL, EXIT_USAGE));
        log_shows(fixture->errors, wrong[i].text);
        assert_int_equal(log_count(fixture->errors, "\n"), 1);
    }
}

static void merges_a_command_into_one_object(void **state)
{
    struct log_fixture *fixture = *state;
    log_start(fixture, "t1", json_pack("[s]", "make"));
    log_nested(fixture, "t1", "sandbox", "gcc");
    log_nested(fixture, "t1", "sandbox", "ld");
    log_end(fixture, "t1", 0, 0);
    log_append(fixture, AUDIT_EXEC_REFUSED,
               json_pack("{s:s, s:i, s:i, s:s, s:i, s:s, s:s}", "id", "", "uid", 10001, "pid", 1,
                         "program", "/x", "error", 1, "started", "2026-01-02T03:04:05.000000Z",
                         "reason", "malformed"));
    cleanup_free char *output = record(fixture, "--json", NULL, 0);
    char *second = strchr(output, '\n') + 1;
    json_t *first = json_loadb(output, (size_t)(second - output), 0, NULL);
    json_t *refused = json_loads(second, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(first, "exit_code")), 0);
    assert_string_equal(json_string_value(json_object_get(first, "state")), "ended");
    assert_string_equal(json_string_value(json_object_get(first, "verdict")), "sandbox");
    assert_int_equal(json_integer_value(json_object_get(first, "duration_us")), 1234567);
    assert_int_equal(json_array_size(json_object_get(first, "nested")), 2);
    assert_string_equal(json_string_value(json_object_get(refused, "state")), "refused");
    json_decref(first);
    json_decref(refused);
    cleanup_free char *text = record(fixture, NULL, NULL, 0);
    log_shows(text, "refused   -                [/x]\n    malformed (Operation not permitted)\n");
}

static void service(const struct log_fixture *fixture, const char *kind, const char *name)
{
    log_append(fixture, AUDIT_SERVICE,
               json_pack("{s:s, s:s, s:i, s:i, s:i}", "kind", kind, "service", name, "value", 0,
                         "init_sequence", 1, "init_monotonic_ns", 1));
}

/* The same id again is another command, since runners count from one; lines that name an id of
 * which no start is known stay visible. */
static void tells_lost_commands(void **state)
{
    struct log_fixture *fixture = *state;
    log_start(fixture, "t1", json_pack("[s]", "before"));
    service(fixture, "service-exited", "runner");
    log_start(fixture, "t1", json_pack("[s]", "after"));
    log_end(fixture, "t1", 0, 0);
    log_end(fixture, "t9", 0, 0);
    log_start(fixture, "t2", json_pack("[s]", "never"));
    cleanup_free char *live = record(fixture, NULL, NULL, 0);
    assert_int_equal(log_count(live, "  lost  "), 1);
    assert_int_equal(log_count(live, "  running  "), 1);
    assert_int_equal(log_count(live, "  1.23s  0  "), 2);
    /* Nobody holds the log any more: follow ends, and nothing runs. */
    audit_log_close(fixture->log);
    fixture->log = NULL;
    cleanup_free char *over = record(fixture, "--follow", NULL, 0);
    assert_int_equal(log_count(over, "  lost  "), 2);
    assert_int_equal(log_count(over, "  running  "), 0);
}

/* Of one boot, programs report side by side: the first command may be on record before the report
 * of the boot that it came after. */
static void only_another_boot_ends_what_runs(void **state)
{
    struct log_fixture *fixture = *state;
    service(fixture, "boot-started", "");
    log_start(fixture, "t1", json_pack("[s]", "first"));
    log_append(fixture, AUDIT_BOOT_REPORT, json_pack("{s:i, s:[]}", "duration_us", 1, "weaker"));
    service(fixture, "service-ready", "runner");
    service(fixture, "service-exited", "sandbox");
    cleanup_free char *live = record(fixture, NULL, NULL, 0);
    assert_int_equal(log_count(live, "  running  "), 1);
    service(fixture, "boot-started", "");
    cleanup_free char *again = record(fixture, NULL, NULL, 0);
    assert_int_equal(log_count(again, "  lost  "), 1);
}

static void tells_a_damaged_log(void **state)
{
    struct log_fixture *fixture = *state;
    log_start(fixture, "t1", json_pack("[s]", "first"));
    log_start(fixture, "t2", json_pack("[s]", "second"));
    cleanup_free char *good = record(fixture, NULL, NULL, 0);
    size_t size = 0;
    cleanup_free char *text = support_read(fixture->log_path, &size);
    char *found = strstr(text, "second");
    memcpy(found, "forged", 6);
    int fd = open(fixture->log_path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, text, size, 0), (ssize_t)size);
    close(fd);
    cleanup_free char *bad = record(fixture, NULL, NULL, EXIT_AUDIT);
    log_shows(bad, "first");
    log_shows(bad, "forged");
    assert_int_equal(truncate(fixture->log_path, (off_t)size - 5), 0);
    free(record(fixture, NULL, NULL, 0));
}

/* Lines that are no records are named, the first of them one by one, and hide no others. */
static void names_lines_that_are_no_records(void **state)
{
    struct log_fixture *fixture = *state;
    static const char *const bad[] = {"", "nonsense \x1b[2J", "[]", "{\"event\":\"exec-start\"}",
                                      "{\"event\":\"exec-starts\",\"fields\":{}}"};
    int fd = open(fixture->log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    log_start(fixture, "t1", json_pack("[s]", "first"));
    for (size_t i = 0; i < 20; i++)
        assert_true(dprintf(fd, "%s\n", bad[i % ARRAY_LENGTH(bad)]) > 0);
    close(fd);
    log_start(fixture, "t2", json_pack("[s]", "second"));
    cleanup_free char *output = record(fixture, NULL, NULL, EXIT_AUDIT);
    log_shows(output, "first");
    log_shows(output, "second");
    log_shows(fixture->errors, ": line 2 of the audit log is no record, and was left out\n");
    log_shows(fixture->errors, ": line 17 of the audit log is no record, and was left out\n");
    log_shows(fixture->errors,
              ": 4 more lines of the audit log are no records, and were left out\n");
    log_shows(fixture->errors, "proves nothing from line 2 on: ");
    assert_int_equal(log_count(fixture->errors, "\n"), 18);
}

/* The log of a session that ran: what was denied inside a command stands with its rule below it. */
static void shows_a_real_session(void **state)
{
    struct log_fixture *fixture = *state;
    cleanup_free char *output = record(fixture, NULL, NULL, 0);
    log_shows(output, "  126       read             sh -c 'r=rev; echo x | $r' [/usr/bin/dash]\n"
                      "2026-11-30 00:43:29            denied    network            rev\n"
                      "      denied by rule test-inner\n");
    log_shows(output, "denied    network          rev notes\n    denied by rule test-inner: not");
    cleanup_free char *inside = record(fixture, "--program=sort", NULL, 0);
    assert_int_equal(log_count(inside, "make all\n"), 2);
    assert_int_equal(log_count(inside, "\n"), 9);
    cleanup_free char *dash = record(fixture, "--program=dash", "--denied", 0);
    cleanup_free char *sh = record(fixture, "--program=sh", "--denied", 0);
    assert_int_equal(log_count(dash, "sh -c"), 2);
    assert_string_equal(sh, dash);
}

/* What is added while somebody follows is shown, a running command first as that. */
static void follows_until_the_log_is_closed(void **state)
{
    struct log_fixture *fixture = *state;
    log_start(fixture, "t1", json_pack("[s]", "long"));
    pid_t pid = fork();
    if (pid == 0) {
        usleep(600000);
        log_nested(fixture, "t1", "sandbox", "gcc");
        log_end(fixture, "t1", 3, 0);
        const struct audit_source keeper = {.program = "keeper"};
        json_t *fields = json_pack("{s:i}", "records", 3);
        _exit(audit_log_append(fixture->log, AUDIT_AUDIT_CLOSED, &keeper, fields, NULL) == 0 ? 0
                                                                                             : 1);
    }
    cleanup_free char *output = record(fixture, "--follow", NULL, 0);
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(log_count(output, "long"), 2);
    assert_int_equal(log_count(output, "  running  "), 1);
    assert_int_equal(log_count(output, "gcc"), 1);
    cleanup_free char *json = record(fixture, "--follow", "--json", 0);
    assert_int_equal(log_count(json, "\n"), 1);
    cleanup_free char *inside = record(fixture, "--follow", "--program=gcc", 0);
    assert_int_equal(log_count(inside, "long"), 1);
    cleanup_free char *none = record(fixture, "--follow", "--program=nosuch", 0);
    assert_int_equal(log_count(none, "long"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shows_commands_with_what_ran_inside, log_prepare,
                                        log_dispose),
        cmocka_unit_test_setup_teardown(quotes_what_is_no_plain_word, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(filters, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(merges_a_command_into_one_object, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(tells_lost_commands, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(only_another_boot_ends_what_runs, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(tells_a_damaged_log, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(names_lines_that_are_no_records, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(shows_a_real_session, log_prepare_real, log_dispose),
        cmocka_unit_test_setup_teardown(follows_until_the_log_is_closed, log_prepare, log_dispose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
