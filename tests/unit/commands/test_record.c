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
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "lib/wire/session.h"
#include "tests/unit/wire/support.h"

struct fixture {
    char directory[PATH_MAX];
    char log_path[PATH_MAX];
    char session[MANIFEST_SESSION_SIZE];
    struct audit_log *log;
};

static const struct audit_source runner = {.program = "runner"};

static int prepare(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct session_state record = {.exit_code = -1, .phase = SESSION_RUNNING};
    char path[PATH_MAX];
    support_directory_make(fixture->directory);
    /* No docker is needed to read a log. */
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(session_reserve(fixture->session, NULL), 0);
    memcpy(record.session, fixture->session, sizeof(record.session));
    assert_int_equal(session_state_save(&record, NULL), 0);
    assert_int_equal(session_state_directory(fixture->session, path, NULL), 0);
    assert_int_equal(path_format(fixture->log_path, "%s/events.jsonl", path), 0);
    assert_int_equal(audit_log_open(fixture->log_path, fixture->session, NULL, &fixture->log, NULL),
                     0);
    *state = fixture;
    return 0;
}

static int dispose(void **state)
{
    struct fixture *fixture = *state;
    audit_log_close(fixture->log);
    support_directory_remove(fixture->directory);
    free(fixture);
    return 0;
}

/* Takes FIELDS. */
static void append(const struct fixture *fixture, enum audit_event event, json_t *fields)
{
    struct error err = ERROR_INITIALIZER;
    assert_non_null(fields);
    if (audit_log_append_unsynced(fixture->log, event, &runner, fields, &err) != 0)
        fail_msg("%s", error_text(&err));
    json_decref(fields);
}

/* Takes ARGV. */
static json_t *start_fields(const char *id, const char *verdict, const char *tier, json_t *argv)
{
    return json_pack(
        "{s:s, s:i, s:i, s:s, s:i, s:i, s:b, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:i}", "id",
        id, "uid", 10001, "pid", 7, "program", "/usr/bin/make", "argument_count", 9, "argv_bytes",
        30, "argv_is_cut", 0, "argv", argv, "cwd", "/workspace", "verdict", verdict, "rule",
        "a-rule", "profile", "command", "tier", tier, "is_observed", 0, "started",
        "2026-01-02T03:04:05.000006Z", "started_monotonic_ns", 1);
}

static void start(const struct fixture *fixture, const char *id, json_t *argv)
{
    append(fixture, AUDIT_EXEC_START, start_fields(id, "sandbox", "read", argv));
}

static void end(const struct fixture *fixture, const char *id, int code, int signal)
{
    append(fixture, AUDIT_EXEC_END,
           json_pack("{s:s, s:i, s:i, s:i}", "id", id, "exit_code", code, "signal", signal,
                     "duration_us", 1234567));
}

static void nested(const struct fixture *fixture, const char *id, const char *verdict,
                   const char *first)
{
    append(fixture, AUDIT_EXEC_NESTED,
           json_pack("{s:s, s:i, s:i, s:s, s:[s,s], s:i, s:b, s:s, s:s, s:s, s:s, s:i}", "id", id,
                     "uid", 10000, "pid", 3, "program", first, "argv", first, "-c",
                     "argument_count", 2, "argv_is_cut", 0, "verdict", verdict, "rule", "no-gcc",
                     "tier", "destructive", "started", "2026-01-02T03:04:06.000000Z", "lost", 0));
}

static void denied(const struct fixture *fixture, const char *id)
{
    json_t *fields = start_fields(id, "deny", "destructive", json_pack("[s,s]", "rm", "-rf"));
    json_object_set_new(fields, "reason", json_string("denied by rule a-rule: \x1b[2J no"));
    append(fixture, AUDIT_EXEC_START, fields);
}

/* Runs the program on the session. Its output is owned by the caller. */
static char *record(const struct fixture *fixture, const char *option, const char *second,
                    int expected)
{
    char directory[PATH_MAX], program[PATH_MAX];
    assert_int_equal(path_of_program(directory, NULL), 0);
    assert_int_equal(
        path_format(program, "%s/../../host/libexec/coding-agents/coding-agents-record", directory),
        0);
    const char *const argv[] = {program, fixture->session, option, second, NULL};
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = -1,
                                      .standard_output = -1,
                                      .standard_error = -1,
                                      .timeout_ms = 20000};
    struct process_result result = {.output = NULL};
    struct error err = ERROR_INITIALIZER;
    if (process_run(&spec, &result, &err) != 0)
        fail_msg("%s", error_text(&err));
    if (process_exit_code(result.wait_status) != expected)
        fail_msg("%d: %s", process_exit_code(result.wait_status), result.error_output);
    char *output = steal_pointer(&result.output);
    process_result_free(&result);
    return output;
}

static void shows(const char *output, const char *expected)
{
    if (strstr(output, expected) == NULL)
        fail_msg("'%s' is not in:\n%s", expected, output);
}

static void shows_commands_with_what_ran_inside(void **state)
{
    const struct fixture *fixture = *state;
    start(fixture, "t1", json_pack("[s,s]", "make", "all"));
    start(fixture, "t2", json_pack("[s]", "sleep"));
    nested(fixture, "t1", "sandbox", "gcc");
    denied(fixture, "t3");
    end(fixture, "t1", 2, 0);
    start(fixture, "t4", json_pack("[s]", "make"));
    end(fixture, "t4", 137, 9);
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
    const struct fixture *fixture = *state;
    start(fixture, "t1", json_pack("[s,s,s,s,s]", "make", "", "a b", "it's", "\x1b]0;x\x07\\"));
    json_t *fields = start_fields("t2", "sandbox", "none", json_array());
    json_object_del(fields, "argv");
    json_object_set_new(fields, "argv_base64", json_pack("[s,s]", "bWFrZQ==", "/yc="));
    json_object_set_new(fields, "argv_is_cut", json_true());
    append(fixture, AUDIT_EXEC_START, fields);
    start(fixture, "t3", json_array());
    cleanup_free char *output = record(fixture, NULL, NULL, 0);
    shows(output, "  make '' 'a b' 'it'\\''s' $'\\x1b]0;x\\x07\\\\'\n");
    shows(output, "-                make $'\\xff\\'' ... (9 arguments in all)\n");
    shows(output, "  [/usr/bin/make]\n");
}

static size_t count(const char *text, const char *needle)
{
    size_t found = 0;
    for (const char *at = strstr(text, needle); at != NULL; at = strstr(at + 1, needle))
        found++;
    return found;
}

static void filters(void **state)
{
    const struct fixture *fixture = *state;
    /* clang-format off */
    static const struct { const char *option, *second; size_t expected; } cases[] = {
        {"--denied", NULL, 2}, {"--failed", NULL, 2}, {"--denied", "--failed", 1}, {"--tier=read", NULL, 4},
        {"--tier=destructive", NULL, 2}, {"--tier=privileged", NULL, 0}, {"--since=2026-01-02T03:04:05Z", NULL, 4},
        {"--since=2026-01-02T03:04:06Z", NULL, 0}, {"--since=1m", NULL, 0}, {"--since=99999999d", NULL, 4},
    };
    /* clang-format on */
    start(fixture, "t1", json_pack("[s]", "good"));
    end(fixture, "t1", 0, 0);
    start(fixture, "t2", json_pack("[s]", "bad"));
    end(fixture, "t2", 1, 0);
    start(fixture, "t3", json_pack("[s]", "inside"));
    nested(fixture, "t3", "deny", "gcc");
    end(fixture, "t3", 0, 0);
    denied(fixture, "t4");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        cleanup_free char *output = record(fixture, cases[i].option, cases[i].second, 0);
        if (count(output, "03:04:05") != cases[i].expected)
            fail_msg("%s: %s", cases[i].option, output);
    }
    for (size_t i = 0; i < 4; i++) {
        static const char *const wrong[] = {"--tier=none", "--tier=x", "--since=1", "--since=1w"};
        free(record(fixture, wrong[i], NULL, EXIT_USAGE));
    }
}

static void merges_a_command_into_one_object(void **state)
{
    const struct fixture *fixture = *state;
    start(fixture, "t1", json_pack("[s]", "make"));
    nested(fixture, "t1", "sandbox", "gcc");
    nested(fixture, "t1", "sandbox", "ld");
    end(fixture, "t1", 0, 0);
    append(fixture, AUDIT_EXEC_REFUSED,
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
    shows(text, "refused   -                [/x]\n    malformed (Operation not permitted)\n");
}

/* The same id again is another command, since runners count from one; lines that name an id of
 * which no start is known stay visible. */
static void tells_lost_commands(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "t1", json_pack("[s]", "before"));
    append(fixture, AUDIT_SERVICE,
           json_pack("{s:s, s:s, s:i, s:i, s:i}", "kind", "service-exited", "service", "runner",
                     "value", 9, "init_sequence", 1, "init_monotonic_ns", 1));
    start(fixture, "t1", json_pack("[s]", "after"));
    end(fixture, "t1", 0, 0);
    end(fixture, "t9", 0, 0);
    start(fixture, "t2", json_pack("[s]", "never"));
    cleanup_free char *live = record(fixture, NULL, NULL, 0);
    assert_int_equal(count(live, "  lost  "), 1);
    assert_int_equal(count(live, "  running  "), 1);
    assert_int_equal(count(live, "  1.23s  0  "), 2);
    /* Nobody holds the log any more: follow ends, and nothing runs. */
    audit_log_close(fixture->log);
    fixture->log = NULL;
    cleanup_free char *over = record(fixture, "--follow", NULL, 0);
    assert_int_equal(count(over, "  lost  "), 2);
    assert_int_equal(count(over, "  running  "), 0);
}

static void tells_a_damaged_log(void **state)
{
    const struct fixture *fixture = *state;
    start(fixture, "t1", json_pack("[s]", "first"));
    start(fixture, "t2", json_pack("[s]", "second"));
    cleanup_free char *good = record(fixture, NULL, NULL, 0);
    size_t size = 0;
    cleanup_free char *text = support_read(fixture->log_path, &size);
    char *found = strstr(text, "second");
    memcpy(found, "forged", 6);
    int fd = open(fixture->log_path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, text, size, 0), (ssize_t)size);
    close(fd);
    cleanup_free char *bad = record(fixture, NULL, NULL, EXIT_AUDIT);
    shows(bad, "first");
    shows(bad, "forged");
    assert_int_equal(truncate(fixture->log_path, (off_t)size - 5), 0);
    free(record(fixture, NULL, NULL, 0));
}

/* What is added while somebody follows is shown, a running command first as that. */
static void follows_until_the_log_is_closed(void **state)
{
    const struct fixture *fixture = *state;
    start(fixture, "t1", json_pack("[s]", "long"));
    pid_t pid = fork();
    if (pid == 0) {
        usleep(600000);
        nested(fixture, "t1", "sandbox", "gcc");
        end(fixture, "t1", 3, 0);
        const struct audit_source keeper = {.program = "keeper"};
        json_t *fields = json_pack("{s:i}", "records", 3);
        _exit(audit_log_append(fixture->log, AUDIT_AUDIT_CLOSED, &keeper, fields, NULL) == 0 ? 0
                                                                                             : 1);
    }
    cleanup_free char *output = record(fixture, "--follow", NULL, 0);
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(count(output, "long"), 2);
    assert_int_equal(count(output, "  running  "), 1);
    assert_int_equal(count(output, "gcc"), 1);
    cleanup_free char *json = record(fixture, "--follow", "--json", 0);
    assert_int_equal(count(json, "\n"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shows_commands_with_what_ran_inside, prepare, dispose),
        cmocka_unit_test_setup_teardown(quotes_what_is_no_plain_word, prepare, dispose),
        cmocka_unit_test_setup_teardown(filters, prepare, dispose),
        cmocka_unit_test_setup_teardown(merges_a_command_into_one_object, prepare, dispose),
        cmocka_unit_test_setup_teardown(tells_lost_commands, prepare, dispose),
        cmocka_unit_test_setup_teardown(tells_a_damaged_log, prepare, dispose),
        cmocka_unit_test_setup_teardown(follows_until_the_log_is_closed, prepare, dispose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
