/* The audit log of a session for tests of commands that read one: written as a keeper writes it. */
#ifndef TESTS_COMMANDS_LOG_H
#define TESTS_COMMANDS_LOG_H

#include <jansson.h>
#include <limits.h>
#include <stddef.h>

#include "lib/wire/audit.h"
#include "lib/wire/manifest.h"

#define LOG_ERRORS_SIZE 4096

struct log_fixture {
    char directory[PATH_MAX];
    char log_path[PATH_MAX];
    char session[MANIFEST_SESSION_SIZE];
    char errors[LOG_ERRORS_SIZE]; /* what the last command wrote to standard error */
    struct audit_log *log;
};

/* Set-up and teardown of a test: *STATE is a session in a directory of its own, with an open log.
 */
int log_prepare(void **state);
int log_dispose(void **state);

/* Set-up of a test: *STATE is an ended session of the agent shell with the log of a real one,
 * fixtures/session.jsonl, whose policy was the shipped one behind fixtures/session-policy.json. */
#define LOG_REAL_POLICY "tests/unit/commands/fixtures/session-policy.json"
int log_prepare_real(void **state);

/* Appends an event of the runner. Takes FIELDS. */
void log_append(const struct log_fixture *fixture, enum audit_event event, json_t *fields);

/* Fields of an exec-start of /usr/bin/make. Takes ARGV. */
json_t *log_start_fields(const char *id, const char *verdict, const char *tier, json_t *argv);
/* One of the tier "read" that runs. Takes ARGV. */
void log_start(const struct log_fixture *fixture, const char *id, json_t *argv);
void log_end(const struct log_fixture *fixture, const char *id, int code, int signal);
void log_nested(const struct log_fixture *fixture, const char *id, const char *verdict,
                const char *first);
/* One that could not be read. */
void log_unread(const struct log_fixture *fixture, const char *id);
void log_denied(const struct log_fixture *fixture, const char *id);

/*
 * Runs coding-agents-WORDS[0] with the rest of WORDS, NULL-terminated, and fails when it does not
 * end with EXPECTED. Its output is owned by the caller.
 */
char *log_run(struct log_fixture *fixture, const char *const *words, int expected);

/* Fails when EXPECTED is not in OUTPUT. */
void log_shows(const char *output, const char *expected);
/* How often NEEDLE is in TEXT. */
size_t log_count(const char *text, const char *needle);

#endif
