/* The log of a real session is as the published schema says, and the checker that says so finds
 * what is not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
/* After its own prerequisites. */
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "tests/schema/schema.h"

#define SCHEMA "policies/schema/audit.json"
#define REAL_LOG "tests/unit/commands/fixtures/session.jsonl"

static int load(void **state)
{
    json_error_t reason;
    *state = json_load_file(SCHEMA, JSON_REJECT_DUPLICATES, &reason);
    return *state != NULL ? 0 : -1;
}

static int release(void **state)
{
    json_decref(*state);
    return 0;
}

static void takes_the_log_of_a_real_session(void **state)
{
    const json_t *schema = *state;
    cleanup_file FILE *file = fopen(REAL_LOG, "re");
    cleanup_free char *line = NULL;
    size_t capacity = 0, count = 0;
    char text[512];
    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        const char *wrong = schema_check(schema, schema, record, text, sizeof(text));
        if (wrong != NULL)
            fail_msg("line %zu: %s", count + 1, wrong);
        json_decref(record);
        count++;
    }
    assert_true(count > 20);
}

/* A record that is right, as JSON that json_loads reads; '@' stands for a digest. */
static json_t *record_of(const char *event, const char *fields, const char *more)
{
    static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    char text[2048];
    snprintf(
        text, sizeof(text),
        "{\"version\":1,\"event\":\"%s\",\"fields\":%s,\"session\":\"abcdefg2\",\"sequence\":1,"
        "\"previous\":\"%s\",\"digest\":\"%s\",\"source\":{\"program\":\"keeper\",\"uid\":1,"
        "\"pid\":2},\"time\":\"2026-01-02T03:04:05.678901Z\",\"monotonic_ns\":1%s}",
        event, fields, digest, digest, more);
    json_t *record = json_loads(text, 0, NULL);
    assert_non_null(record);
    return record;
}

/* clang-format off */
static const struct { const char *event, *fields, *more, *wrong; } cases[] = {
    {"override-used", "{\"what\":\"x\"}",                            "",             NULL},
    {"override-used", "{\"what_base64\":\"eA==\"}",                  "",             NULL},
    {"override-used", "{\"what\":\"x\",\"what_base64\":\"eA==\"}",   "",             "not exactly one of"},
    {"override-used", "{}",                                          "",             "not exactly one of"},
    {"override-used", "{\"what\":1}",                                "",             "another type"},
    {"override-used", "{\"what\":\"x\",\"who\":\"y\"}",              "",             "an unknown key"},
    {"override-used", "{\"what_base64\":\"%\"}",                     "",             "it does not match"},
    {"surprise",      "{}",                                          "",             "none of the values"},
    {"override-used", "{\"what\":\"x\"}",                            ",\"extra\":1", "an unknown key"},
    {"exec-end",      "{\"id\":\"1\",\"exit_code\":-1,\"signal\":0,\"duration_us\":1}", "", "too small"},
    {"exec-end",      "{\"id\":\"1\",\"signal\":0,\"duration_us\":1}", "",           "a key is missing"},
    {"boot-report",   "{\"duration_us\":1,\"weaker\":[\"a\",1]}",    "",             "another type"},
    {"boot-step",     "{\"step\":\"a\",\"duration_us\":1,\"outcome\":\"up\",\"detail\":\"a\",\"detail_base64\":\"eA==\"}", "",
                                                                                     "it must not be"},
    {"audit-closed",  "{\"records\":1,\"signature\":\"00\"}",        "",             "it does not match"},
};
/* clang-format on */

static void finds_what_is_not_as_it_should_be(void **state)
{
    const json_t *schema = *state;
    char text[512];
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        json_t *record = record_of(cases[i].event, cases[i].fields, cases[i].more);
        const char *wrong = schema_check(schema, schema, record, text, sizeof(text));
        if ((wrong == NULL) != (cases[i].wrong == NULL) ||
            (wrong != NULL && strncmp(wrong, cases[i].wrong, strlen(cases[i].wrong)) != 0))
            fail_msg("case %zu: %s", i, wrong != NULL ? wrong : "taken");
        json_decref(record);
    }
}

static void refuses_rules_that_it_does_not_know(void **state)
{
    char text[512];
    (void)state;
    json_t *schema = json_pack("{s:s, s:i}", "type", "integer", "multipleOf", 2);
    json_t *value = json_integer(4);
    assert_non_null(schema_check(schema, schema, value, text, sizeof(text)));
    json_object_del(schema, "multipleOf");
    assert_null(schema_check(schema, schema, value, text, sizeof(text)));
    json_decref(value);
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_the_log_of_a_real_session, load, release),
        cmocka_unit_test_setup_teardown(finds_what_is_not_as_it_should_be, load, release),
        cmocka_unit_test(refuses_rules_that_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
