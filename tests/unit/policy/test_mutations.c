/* Takes each rule of the shipped policy away: the table of verdicts must notice every time. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy/support.h"

#define SHIPPED SUPPORT_SHIPPED "/default.json"

static size_t count_wrong(const struct policy *policy, const json_t *rows)
{
    const json_t *row;
    size_t wrong = 0;
    size_t index;

    json_array_foreach(rows, index, row)
    {
        char said[256];

        wrong += !support_row_holds(policy, row, said);
    }
    return wrong;
}

static size_t try_document(const json_t *document, const json_t *rows)
{
    char *text = json_dumps(document, 0);
    struct policy *policy = support_load_text(text, "shell");
    size_t wrong = count_wrong(policy, rows);

    policy_free(policy);
    free(text);
    return wrong;
}

static void misses_every_rule_that_is_taken_away(void **state)
{
    json_t *document = json_load_file(SHIPPED, JSON_REJECT_DUPLICATES, NULL);
    json_t *rules = json_object_get(document, "rules");
    json_t *seen = support_verdicts("seen");
    size_t unnoticed = 0;

    (void)state;
    assert_true(json_array_size(rules) > 0);
    assert_int_equal(try_document(document, seen), 0);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        json_t *rule = json_incref(json_array_get(rules, i));

        json_array_remove(rules, i);
        if (try_document(document, seen) == 0) {
            print_error("nobody misses %s\n", json_string_value(json_object_get(rule, "id")));
            unnoticed++;
        }
        json_array_insert_new(rules, i, rule);
    }
    json_decref(seen);
    json_decref(document);
    assert_int_equal(unnoticed, 0);
}

/* Which variables are scrubbed, one name at a time. */
static void misses_every_scrubbed_name(void **state)
{
    json_t *document = json_load_file(SHIPPED, JSON_REJECT_DUPLICATES, NULL);
    const json_t *environment = json_object_get(document, "environment");
    const json_t *scrub = json_object_get(environment, "scrub");
    struct policy *policy = support_load(SHIPPED, NULL);
    const json_t *pattern;
    size_t index;

    (void)state;
    assert_true(json_array_size(scrub) > 0);
    json_array_foreach(scrub, index, pattern)
    {
        char name[128];
        size_t length = strlen(json_string_value(pattern));

        assert_true(length < sizeof(name));
        memcpy(name, json_string_value(pattern), length + 1);
        for (char *star = strchr(name, '*'); star != NULL; star = strchr(star, '*'))
            *star = 'X';
        assert_false(policy_passes_variable(policy, name, length));
    }
    assert_true(policy_passes_variable(policy, "PATH", 4));
    assert_true(policy_passes_variable(policy, "AGENT_TASK_RUNNER_SOCKET", 24));
    policy_free(policy);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misses_every_rule_that_is_taken_away),
        cmocka_unit_test(misses_every_scrubbed_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
