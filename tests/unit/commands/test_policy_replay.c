/* The commands of a session judged anew by `coding-agents policy replay`, from a real log. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "tests/unit/commands/log.h"
#include "tests/unit/wire/support.h"

#define CHANGED 1
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char base[] =
    "{\"version\": 1, \"profiles\": {\"default\": {\"network\": \"inherit\", \"linger_seconds\": "
    "1, "
    "\"warm\": 1}, \"offline\": {\"network\": \"none\", \"linger_seconds\": 1, \"warm\": 0}}, "
    "\"rules\": [%s{\"id\": \"a-rule\", \"match\": {\"program\": \"make\"}, \"action\": "
    "\"sandbox\", "
    "\"tier\": \"read\"}, {\"id\": \"no-gcc\", \"match\": {\"program\": \"gcc\"}, \"action\": "
    "\"sandbox\", \"tier\": \"destructive\"}]}\n";

/* Replays by the policy that has RULES ("{...}, ") in front of what the session had. */
static char *replay(struct log_fixture *fixture, const char *rules, const char *option,
                    int expected)
{
    char path[PATH_MAX], places[PATH_MAX + 16], text[4096];
    assert_int_equal(path_format(path, "%s/policy.json", fixture->directory), 0);
    int size = snprintf(text, sizeof(text), base, rules);
    support_write(path, text, (size_t)size);
    snprintf(places, sizeof(places), "--policy=%s", path);
    return log_run(fixture,
                   (const char *const[]){"policy", "replay", fixture->session, "--alone", places,
                                         option, NULL},
                   expected);
}

/* One of the rules above, as the log of these tests has it. */
static void start(const struct log_fixture *fixture, const char *id, const char *second)
{
    json_t *fields = log_start_fields(id, "sandbox", "read", json_pack("[s,s]", "make", second));
    json_object_set_new(fields, "profile", json_string("default"));
    log_append(fixture, AUDIT_EXEC_START, fields);
}

static void finds_nothing_where_nothing_changed(void **state)
{
    struct log_fixture *fixture = *state;
    start(fixture, "t1", "all");
    log_nested(fixture, "t1", "sandbox", "gcc");
    log_end(fixture, "t1", 2, 0);
    cleanup_free char *output = replay(fixture, "", NULL, 0);
    assert_string_equal(output, "2 judged by the policy as it is now, changed: 0\n");
    cleanup_free char *json = replay(fixture, "", "--json", 0);
    json_t *document = json_loads(json, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(document, "judged")), 2);
    assert_int_equal(json_array_size(json_object_get(document, "differences")), 0);
    json_decref(document);
}

static void shows_what_changes_and_nothing_else(void **state)
{
    struct log_fixture *fixture = *state;
    static const char rules[] =
        "{\"id\": \"no-install\", \"match\": {\"program\": \"make\", \"arguments\": "
        "[\"install\"]}, "
        "\"action\": \"deny\", \"tier\": \"privileged\", \"message\": \"not here\"}, "
        "{\"id\": \"alone\", \"match\": {\"program\": \"make\", \"arguments\": [\"alone\"]}, "
        "\"action\": \"sandbox\", \"tier\": \"read\", \"profile\": \"offline\"}, "
        "{\"id\": \"inner\", \"match\": {\"program\": \"gcc\", \"arguments\": [\"-c\"]}, "
        "\"action\": "
        "\"sandbox\", \"tier\": \"read\"}, ";
    start(fixture, "t1", "all");
    log_nested(fixture, "t1", "sandbox", "gcc");
    start(fixture, "t2", "install");
    start(fixture, "t3", "alone");
    cleanup_free char *output = replay(fixture, rules, NULL, CHANGED);
    assert_string_equal(output,
                        "2026-01-02 03:04:06    gcc -c\n"
                        "      rule no-gcc -> inner, tier destructive -> read\n"
                        "2026-01-02 03:04:05  make install\n"
                        "    verdict sandbox -> deny, rule a-rule -> no-install, tier read -> "
                        "privileged\n"
                        "    denied by rule no-install: not here\n"
                        "2026-01-02 03:04:05  make alone\n"
                        "    rule a-rule -> alone, profile default -> offline\n"
                        "4 judged by the policy as it is now, changed: 3\n");
    cleanup_free char *json = replay(fixture, rules, "--json", CHANGED);
    json_t *document = json_loads(json, 0, NULL);
    const json_t *list = json_object_get(document, "differences");
    assert_int_equal(json_array_size(list), 3);
    const char *before = NULL, *after = NULL, *message = NULL, *word = NULL;
    assert_int_equal(json_unpack(json_array_get(list, 1), "{s:[s,s], s:{s:s}, s:{s:s, s:s}}",
                                 "argv", &word, &word, "before", "rule", &before, "after", "rule",
                                 &after, "message", &message),
                     0);
    assert_string_equal(word, "install");
    assert_string_equal(before, "a-rule");
    assert_string_equal(after, "no-install");
    assert_string_equal(message, "not here");
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "is_nested")));
    json_decref(document);
}

/* What was denied and now runs is a change as well, and no byte of it reaches the terminal. */
static void shows_what_is_allowed_now(void **state)
{
    struct log_fixture *fixture = *state;
    json_t *fields =
        log_start_fields("t1", "deny", "read", json_pack("[s,s]", "make", "\x1b[2J\xc2\x9b"));
    json_object_set_new(fields, "profile", json_string("default"));
    log_append(fixture, AUDIT_EXEC_START, fields);
    cleanup_free char *output = replay(fixture, "", NULL, CHANGED);
    log_shows(output, "  make $'\\x1b[2J\\xc2\\x9b'\n    verdict deny -> sandbox\n");
    assert_null(strchr(output, '\x1b'));
    cleanup_free char *json = replay(fixture, "", "--json", CHANGED);
    assert_null(strchr(json, '\x1b'));
    assert_null(strstr(json, "\xc2"));
}

static void says_what_the_record_cannot_tell(void **state)
{
    struct log_fixture *fixture = *state;
    static const char rules[] =
        "{\"id\": \"by-digest\", \"match\": {\"program\": \"make\", \"sha256\": \"" DIGEST
        "\", \"directory\": \"/workspace\"}, \"action\": \"deny\", \"tier\": \"read\", "
        "\"message\": "
        "\"m\"}, ";
    start(fixture, "t1", "unknown");
    json_t *fields = log_start_fields("t2", "sandbox", "read", json_pack("[s,s]", "make", "known"));
    json_object_set_new(fields, "profile", json_string("default"));
    json_object_set_new(fields, "program_sha256", json_string(DIGEST));
    json_object_set_new(fields, "argv_is_cut", json_true());
    log_append(fixture, AUDIT_EXEC_START, fields);
    log_nested(fixture, "t2", "sandbox", "gcc");
    log_unread(fixture, "t2");
    log_append(fixture, AUDIT_EXEC_START,
               log_start_fields("t3", "fail", "none", json_pack("[s]", "nothing")));
    log_append(fixture, AUDIT_EXEC_START,
               log_start_fields("t4", "direct", "none", json_pack("[s]", "agent")));
    log_end(fixture, "t9", 0, 0);
    cleanup_free char *output = replay(fixture, rules, NULL, CHANGED);
    log_shows(output, "  make known ... (9 arguments in all)\n    verdict sandbox -> deny, rule "
                      "a-rule -> by-digest\n    denied by rule by-digest: m\n    judged without "
                      "what is not on record: arguments\n");
    assert_int_equal(log_count(output, "make unknown"), 0);
    log_shows(output, "\n4 judged by the policy as it is now, changed: 2\n"
                      "    1 judged by the part of their arguments that is on record\n"
                      "    1 outside of a sandbox, ");
    log_shows(output, "    2 judged without the program's digest, ");
    log_shows(output, "    1 inside others, judged in the directory of these: ");
    log_shows(output, "    1 not judged: they could not be run\n"
                      "    2 not judged: their start, or a part of it, is not on record\n");
}

/* A line that is no record is named, and what stands around it is judged. */
static void names_a_line_that_is_no_record(void **state)
{
    struct log_fixture *fixture = *state;
    start(fixture, "t1", "first");
    int fd = open(fixture->log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "{\"event\n", 8), 8);
    close(fd);
    start(fixture, "t2", "second");
    cleanup_free char *output = replay(fixture, "", NULL, EXIT_AUDIT);
    log_shows(output, "2 judged ");
    log_shows(fixture->errors, "line 2 of the audit log is no record, and was left out\n");
    log_shows(fixture->errors, "proves nothing from line 2 on: it was changed");
}

static void refuses_bad_lines(void **state)
{
    struct log_fixture *fixture = *state;
    /* clang-format off */
    const struct { const char *words[5]; int code; const char *text; } cases[] = {
        {{"policy", "replay"}, EXIT_USAGE, "a session is missing"},
        {{"policy", "replay", fixture->session, "more"}, EXIT_USAGE, "'more' is one argument too many"},
        {{"policy", "replay", "nosuch"}, EXIT_SESSION, "no session is called 'nosuch'"},
        {{"policy", "replay", fixture->session, "--policy=/nonexistent"}, EXIT_POLICY, "/nonexistent"},
        {{"policy", "repaly"}, EXIT_USAGE, "is none of check, show, test"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        free(log_run(fixture, cases[i].words, cases[i].code));
        log_shows(fixture->errors, cases[i].text);
        assert_int_equal(log_count(fixture->errors, "\n"), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_nothing_where_nothing_changed, log_prepare,
                                        log_dispose),
        cmocka_unit_test_setup_teardown(shows_what_changes_and_nothing_else, log_prepare,
                                        log_dispose),
        cmocka_unit_test_setup_teardown(shows_what_is_allowed_now, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(says_what_the_record_cannot_tell, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(names_a_line_that_is_no_record, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(refuses_bad_lines, log_prepare, log_dispose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
