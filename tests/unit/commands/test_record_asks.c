/* Commands that asked, as record and policy show them, and the line of commands that answer. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "tests/unit/commands/log.h"
#include "tests/unit/wire/support.h"

static const char policy[] =
    "{\"version\": 1, \"profiles\": {\"command\": {\"network\": \"inherit\", \"linger_seconds\": "
    "1, "
    "\"warm\": 1}, \"default\": {\"network\": \"inherit\", \"linger_seconds\": 1, \"warm\": 1}}, "
    "\"rules\": [{\"id\": \"a-rule\", \"match\": {\"program\": \"make\"}, \"action\": \"%s\", "
    "\"profile\": \"command\", \"tier\": \"network\"%s}]}\n";

static void ask(const struct log_fixture *fixture, const char *id, int number)
{
    json_t *fields = log_start_fields(id, "ask", "network", json_pack("[s,s]", "make", id));
    json_object_set_new(fields, "reason", json_string("people make"));
    json_object_set_new(fields, "seconds", json_integer(300));
    json_object_set_new(fields, "ask", json_integer(number));
    log_append(fixture, AUDIT_EXEC_ASK, fields);
}

static void answer(const struct log_fixture *fixture, const char *id, int number, const char *said)
{
    log_append(fixture, AUDIT_EXEC_ANSWER,
               json_pack("{s:i, s:s, s:s, s:s, s:i}", "ask", number, "id", id, "answer", said,
                         "scope", "once", "uid", 1000));
}

static void start(const struct log_fixture *fixture, const char *id, const char *verdict,
                  const char *reason)
{
    json_t *fields = log_start_fields(id, verdict, "network", json_pack("[s,s]", "make", id));
    json_object_set_new(fields, "reason", json_string(reason));
    log_append(fixture, AUDIT_EXEC_START, fields);
}

/* One that was approved and ran, one that was denied, one that nobody answered, one that waits. */
static void log_asks(const struct log_fixture *fixture)
{
    ask(fixture, "t1", 1);
    ask(fixture, "t2", 2);
    answer(fixture, "t1", 1, "allow");
    start(fixture, "t1", "sandbox", "approved by uid 1000, scope once");
    answer(fixture, "t2", 2, "deny");
    start(fixture, "t2", "deny", "denied by rule a-rule: not today");
    log_end(fixture, "t1", 0, 0);
    ask(fixture, "t3", 3);
    start(fixture, "t3", "deny", "denied by rule a-rule: nobody answered in time: people make");
    ask(fixture, "t4", 4);
}

static char *record(struct log_fixture *fixture, const char *option)
{
    return log_run(fixture, (const char *const[]){"record", fixture->session, option, NULL}, 0);
}

static void shows_what_became_of_asks(void **state)
{
    struct log_fixture *fixture = *state;
    log_asks(fixture);
    cleanup_free char *output = record(fixture, NULL);
    assert_string_equal(output,
                        "STARTED              DURATION  EXIT      TIER             COMMAND\n"
                        "2026-01-02 03:04:05     1.23s  0         network          make t1\n"
                        "    approved by uid 1000, scope once, rule a-rule\n"
                        "2026-01-02 03:04:05         -  denied    network          make t2\n"
                        "    denied by rule a-rule: not today\n"
                        "2026-01-02 03:04:05         -  denied    network          make t3\n"
                        "    denied by rule a-rule: nobody answered in time: people make\n"
                        "2026-01-02 03:04:05         -  asking    network          make t4\n"
                        "    asks: people make, rule a-rule\n");
    cleanup_free char *failed = record(fixture, "--failed");
    assert_int_equal(log_count(failed, "denied    "), 2);
    assert_int_equal(log_count(failed, "make t4"), 0);
}

static void merges_an_ask_with_its_command(void **state)
{
    struct log_fixture *fixture = *state;
    log_asks(fixture);
    cleanup_free char *output = record(fixture, "--json");
    assert_int_equal(log_count(output, "\n"), 4);
    json_t *first = json_loadb(output, (size_t)(strchr(output, '\n') - output), 0, NULL);
    const json_t *said = json_object_get(first, "answer");
    assert_string_equal(json_string_value(json_object_get(first, "state")), "ended");
    assert_string_equal(json_string_value(json_object_get(first, "verdict")), "sandbox");
    assert_int_equal(json_integer_value(json_object_get(first, "ask")), 1);
    assert_string_equal(json_string_value(json_object_get(said, "answer")), "allow");
    assert_int_equal(json_integer_value(json_object_get(said, "uid")), 1000);
    assert_int_equal(json_integer_value(json_object_get(first, "uid")), 10001);
    json_decref(first);
    log_shows(output, "\"state\":\"asking\"");
}

/* The next runner numbers its sandboxes anew. */
static void loses_asks_with_their_runner(void **state)
{
    struct log_fixture *fixture = *state;
    ask(fixture, "t1", 1);
    log_append(fixture, AUDIT_SERVICE,
               json_pack("{s:s, s:s, s:i, s:i, s:i}", "kind", "service-exited", "service", "runner",
                         "value", 9, "init_sequence", 5, "init_monotonic_ns", 5));
    answer(fixture, "t1", 1, "allow");
    start(fixture, "t1", "sandbox", "");
    log_end(fixture, "t1", 0, 0);
    cleanup_free char *output = record(fixture, NULL);
    log_shows(output, "  lost      network          make t1\n");
    log_shows(output, "  0         network          make t1\n");
    assert_int_equal(log_count(output, "make t1"), 2);
}

/* By a policy whose only rule has ACTION and MORE. */
static char *judge(struct log_fixture *fixture, const char *command, const char *action,
                   const char *more, int expected)
{
    char path[PATH_MAX], places[PATH_MAX + 16], text[1024];
    assert_int_equal(path_format(path, "%s/policy.json", fixture->directory), 0);
    int size = snprintf(text, sizeof(text), policy, action, more);
    support_write(path, text, (size_t)size);
    snprintf(places, sizeof(places), "--policy=%s", path);
    return log_run(fixture,
                   (const char *const[]){"policy", command, fixture->session, "--alone", places,
                                         "--agent=shell", NULL},
                   expected);
}

static void replays_asks_as_asks(void **state)
{
    struct log_fixture *fixture = *state;
    log_asks(fixture);
    cleanup_free char *same = judge(fixture, "replay", "ask", ", \"message\": \"m\"", 0);
    assert_string_equal(same, "4 judged by the policy as it is now, changed: 0\n");
    cleanup_free char *other = judge(fixture, "replay", "sandbox", "", 1);
    assert_int_equal(log_count(other, "verdict ask -> sandbox\n"), 4);
}

static void proposes_nothing_for_asks(void **state)
{
    struct log_fixture *fixture = *state;
    log_asks(fixture);
    cleanup_free char *output = judge(fixture, "suggest", "sandbox", "", 0);
    log_shows(output, "left out: 4 asked about\n");
    assert_int_equal(log_count(output, "seen-"), 0);
}

static void says_what_an_id_is(void **state)
{
    struct log_fixture *fixture = *state;
    static const char *const wrong[] = {
        "x", "x-1", "-1", "x-", "x-0", "x-1a", "x-1000000000000000000000", ""};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        free(
            log_run(fixture, (const char *const[]){"approve", "--", wrong[i], NULL}, EXIT_SESSION));
        log_shows(fixture->errors, "as in abcdefgh-3, and coding-agents approvals lists them\n");
        assert_int_equal(log_count(fixture->errors, "\n"), 1);
    }
    static const char *const options[][2] = {
        {"--always=once", "--always wants prefix or program, not 'once'"},
        {"--words=2", "--words goes with --always=prefix"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        free(log_run(fixture, (const char *const[]){"approve", "x-1", options[i][0], NULL},
                     EXIT_USAGE));
        log_shows(fixture->errors, options[i][1]);
    }
    free(log_run(fixture,
                 (const char *const[]){"approve", "x-1", "--always=prefix", "--words=0", NULL},
                 EXIT_USAGE));
    log_shows(fixture->errors, "--words wants a number from 1, not '0'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shows_what_became_of_asks, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(merges_an_ask_with_its_command, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(loses_asks_with_their_runner, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(replays_asks_as_asks, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(proposes_nothing_for_asks, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(says_what_an_id_is, log_prepare, log_dispose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
