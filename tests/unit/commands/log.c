/* Writes the audit log of a session as a keeper does, and runs commands on it. */
#include "tests/unit/commands/log.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "lib/wire/session.h"
#include "tests/unit/wire/support.h"

static const struct audit_source runner = {.program = "runner"};

int log_prepare(void **state)
{
    struct log_fixture *fixture = calloc(1, sizeof(*fixture));
    char agent[] = "shell";
    struct session_state record = {.exit_code = -1, .phase = SESSION_RUNNING, .agent = agent};
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

#define REAL_LOG "tests/unit/commands/fixtures/session.jsonl"
#define REAL_SESSION "uq7saaj6"

int log_prepare_real(void **state)
{
    struct log_fixture *fixture = calloc(1, sizeof(*fixture));
    char agent[] = "shell";
    struct session_state record = {.exit_code = 0, .phase = SESSION_ENDED, .agent = agent};
    struct error err = ERROR_INITIALIZER;
    char path[PATH_MAX];
    size_t size = 0;
    cleanup_free char *text = support_read(REAL_LOG, &size);
    support_directory_make(fixture->directory);
    setenv("PATH", "/nonexistent", 1);
    memcpy(fixture->session, REAL_SESSION, sizeof(REAL_SESSION));
    memcpy(record.session, REAL_SESSION, sizeof(REAL_SESSION));
    assert_int_equal(session_state_directory(fixture->session, path, NULL), 0);
    assert_int_equal(path_make_directories(path, 0700, &err), 0);
    assert_int_equal(session_state_save(&record, NULL), 0);
    assert_int_equal(path_format(fixture->log_path, "%s/events.jsonl", path), 0);
    support_write(fixture->log_path, text, size);
    *state = fixture;
    return 0;
}

int log_dispose(void **state)
{
    struct log_fixture *fixture = *state;
    audit_log_close(fixture->log);
    support_directory_remove(fixture->directory);
    free(fixture);
    return 0;
}

/* Takes FIELDS. */
void log_append(const struct log_fixture *fixture, enum audit_event event, json_t *fields)
{
    struct error err = ERROR_INITIALIZER;
    assert_non_null(fields);
    if (audit_log_append_unsynced(fixture->log, event, &runner, fields, &err) != 0)
        fail_msg("%s", error_text(&err));
    json_decref(fields);
}

/* Takes ARGV. */
json_t *log_start_fields(const char *id, const char *verdict, const char *tier, json_t *argv)
{
    return json_pack(
        "{s:s, s:i, s:i, s:s, s:i, s:i, s:b, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:i}", "id",
        id, "uid", 10001, "pid", 7, "program", "/usr/bin/make", "argument_count", 9, "argv_bytes",
        30, "argv_is_cut", 0, "argv", argv, "cwd", "/workspace", "verdict", verdict, "rule",
        "a-rule", "profile", "command", "tier", tier, "is_observed", 0, "started",
        "2026-01-02T03:04:05.000006Z", "started_monotonic_ns", 1);
}

void log_start(const struct log_fixture *fixture, const char *id, json_t *argv)
{
    log_append(fixture, AUDIT_EXEC_START, log_start_fields(id, "sandbox", "read", argv));
}

void log_end(const struct log_fixture *fixture, const char *id, int code, int signal)
{
    log_append(fixture, AUDIT_EXEC_END,
               json_pack("{s:s, s:i, s:i, s:i}", "id", id, "exit_code", code, "signal", signal,
                         "duration_us", 1234567));
}

void log_nested(const struct log_fixture *fixture, const char *id, const char *verdict,
                const char *first)
{
    log_append(fixture, AUDIT_EXEC_NESTED,
               json_pack("{s:s, s:i, s:i, s:s, s:[s,s], s:i, s:b, s:s, s:s, s:s, s:s, s:i}", "id",
                         id, "uid", 10000, "pid", 3, "program", first, "argv", first, "-c",
                         "argument_count", 2, "argv_is_cut", 0, "verdict", verdict, "rule",
                         "no-gcc", "tier", "destructive", "started", "2026-01-02T03:04:06.000000Z",
                         "lost", 0));
}

void log_unread(const struct log_fixture *fixture, const char *id)
{
    log_append(fixture, AUDIT_EXEC_NESTED,
               json_pack("{s:s, s:i, s:i, s:s, s:[], s:i, s:b, s:s, s:s, s:s, s:s, s:i}", "id", id,
                         "uid", 10000, "pid", 4, "program", "", "argv", "argument_count", 0,
                         "argv_is_cut", 0, "verdict", "sandbox", "rule", "unreadable", "tier",
                         "destructive", "started", "2026-01-02T03:04:06.000000Z", "lost", 0));
}

void log_denied(const struct log_fixture *fixture, const char *id)
{
    json_t *fields = log_start_fields(id, "deny", "destructive", json_pack("[s,s]", "rm", "-rf"));
    json_object_set_new(fields, "reason", json_string("denied by rule a-rule: \x1b[2J no"));
    log_append(fixture, AUDIT_EXEC_START, fields);
}

char *log_run(struct log_fixture *fixture, const char *const *words, int expected)
{
    char directory[PATH_MAX], program[PATH_MAX];
    const char *argv[16] = {program};
    assert_int_equal(path_of_program(directory, NULL), 0);
    assert_int_equal(path_format(program, "%s/../../host/libexec/coding-agents/coding-agents-%s",
                                 directory, words[0]),
                     0);
    for (size_t i = 1; words[i] != NULL && i + 1 < ARRAY_LENGTH(argv); i++)
        argv[i] = words[i];
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
        fail_msg("%d: %s%s", process_exit_code(result.wait_status), result.output,
                 result.error_output);
    snprintf(fixture->errors, sizeof(fixture->errors), "%s",
             result.error_output != NULL ? result.error_output : "");
    char *output = steal_pointer(&result.output);
    process_result_free(&result);
    return output;
}

void log_shows(const char *output, const char *expected)
{
    if (strstr(output, expected) == NULL)
        fail_msg("'%s' is not in:\n%s", expected, output);
}

size_t log_count(const char *text, const char *needle)
{
    size_t found = 0;
    for (const char *at = strstr(text, needle); at != NULL; at = strstr(at + 1, needle))
        found++;
    return found;
}
