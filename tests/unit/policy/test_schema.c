/* The published schema has the keys of the format, and no others. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/policy/rules.h"
#include "lib/wire/exec_record.h"
#include "tests/unit/policy/support.h"

struct object {
    const char *name; /* in "$defs"; NULL: the document itself */
    const struct place_field *fields;
};

static json_t *schema_of(const json_t *root, const char *name)
{
    return name == NULL ? (json_t *)(uintptr_t)root
                        : json_object_get(json_object_get(root, "$defs"), name);
}

static bool is_required(const json_t *schema, const char *key)
{
    const json_t *required = json_object_get(schema, "required");
    const json_t *entry;
    size_t index;

    json_array_foreach(required, index, entry)
    {
        if (strcmp(json_string_value(entry), key) == 0)
            return true;
    }
    return false;
}

static void has_the_keys_of_the_format(void **state)
{
    /* clang-format off */
    static const struct object objects[] = {
        {NULL,          policy_fields},
        {"profile",     policy_profile_fields},
        {"environment", policy_environment_fields},
        {"direct",      policy_direct_fields},
        {"rule",        policy_rule_fields},
        {"match",       policy_match_fields},
        {"examples",    policy_example_fields},
    };
    /* clang-format on */
    json_t *root = json_load_file("policies/schema/exec-policy.json", JSON_REJECT_DUPLICATES, NULL);

    (void)state;
    assert_non_null(root);
    for (size_t i = 0; i < ARRAY_LENGTH(objects); i++) {
        const json_t *schema = schema_of(root, objects[i].name);
        const json_t *properties = json_object_get(schema, "properties");
        size_t count = 0;

        assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
        for (const struct place_field *field = objects[i].fields; field->key != NULL; field++) {
            assert_non_null(json_object_get(properties, field->key));
            assert_int_equal(is_required(schema, field->key), field->is_required);
            count++;
        }
        assert_int_equal(json_object_size(properties), count);
    }
    json_decref(root);
}

static void compare_names(const json_t *names, const char *const *expected, size_t count)
{
    assert_int_equal(json_array_size(names), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(json_string_value(json_array_get(names, i)), expected[i]);
}

static void has_the_words_of_the_format(void **state)
{
    static const char *const actions[] = {"sandbox", "deny", "ask"};
    const char *tiers[TASK_TIER_PRIVILEGED];
    json_t *root = json_load_file("policies/schema/exec-policy.json", JSON_REJECT_DUPLICATES, NULL);
    const json_t *rule = json_object_get(schema_of(root, "rule"), "properties");

    (void)state;
    for (int tier = TASK_TIER_READ; tier <= TASK_TIER_PRIVILEGED; tier++)
        tiers[tier - TASK_TIER_READ] = policy_tier_name((enum task_tier)tier);
    compare_names(json_object_get(json_object_get(rule, "action"), "enum"), actions,
                  ARRAY_LENGTH(actions));
    compare_names(json_object_get(json_object_get(rule, "tier"), "enum"), tiers,
                  ARRAY_LENGTH(tiers));
    assert_string_equal(policy_action_name(TASK_ACTION_SANDBOX), actions[0]);
    assert_string_equal(policy_action_name(TASK_ACTION_DENY), actions[1]);
    assert_string_equal(policy_action_name(TASK_ACTION_ASK), actions[2]);
    assert_string_equal(policy_tier_name(TASK_TIER_NONE), "none");
    /* The audit log has the same words. */
    for (int tier = TASK_TIER_NONE; tier < EXEC_RECORD_TIERS; tier++)
        assert_string_equal(policy_tier_name((enum task_tier)tier), exec_record_tiers[tier]);
    assert_string_equal(exec_record_verdicts[TASK_ACTION_SANDBOX], actions[0]);
    assert_string_equal(exec_record_verdicts[TASK_ACTION_DENY], actions[1]);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_keys_of_the_format),
        cmocka_unit_test(has_the_words_of_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
