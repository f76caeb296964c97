/* Rules that ask: when they count, and what comes with the judgement. */
#include "lib/policy/limits.h"
#include "tests/unit/policy/support.h"

#define RULES(rules) SUPPORT_START ", \"rules\": [" rules "]}"

#define SANDBOX(id, match, tier)                                                                   \
    "{\"id\": \"" id "\", \"match\": {" match "}, \"action\": \"sandbox\", \"tier\": \"" tier "\"" \
    "}"
#define DENY(id, match)                                                                          \
    "{\"id\": \"" id "\", \"match\": {" match "}, \"action\": \"deny\", \"tier\": \"network\", " \
    "\"message\": \"because\"}"
#define ASK(id, match, more)                                                                 \
    "{\"id\": \"" id "\", \"match\": {" match "}, \"action\": \"ask\", \"tier\": \"read\", " \
    "\"message\": \"may it\"" more "}"
#define JUDGE(policy, judgement, ...)                         \
    support_judge(policy, (const char *const[]){__VA_ARGS__}, \
                  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), judgement)

static void asks_unless_it_denies(void **state)
{
    struct policy *policy = support_load_text(
        RULES(SANDBOX("high", "\"program\": \"high\"",
                      "privileged") ",{\"id\": \"off\", \"match\": "
                                    "{\"program\": \"off\"}, \"action\": \"sandbox\", \"tier\": "
                                    "\"read\", \"profile\": "
                                    "\"offline\"}," ASK("ask", "\"program\": \"ask\"", "") "," ASK(
                                        "soon", "\"program\": \"soon\"",
                                        ", \"ask_seconds\": 5, \"instead\": \"wait\", \"profile\": "
                                        "\"offline\"") "," DENY("no", "\"program\": \"no\"")),
        NULL);
    struct policy_judgement judgement;
    char text[64];

    (void)state;
    JUDGE(policy, &judgement, "sh", "-c", "high; ask; off");
    assert_int_equal(judgement.action, TASK_ACTION_ASK);
    assert_string_equal(judgement.rule, "ask");
    assert_string_equal(judgement.profile, "default");
    assert_int_equal(judgement.tier, TASK_TIER_PRIVILEGED);
    assert_int_equal(judgement.ask_seconds, POLICY_ASK_SECONDS);
    JUDGE(policy, &judgement, "env", "A=b", "soon");
    assert_int_equal(judgement.action, TASK_ACTION_ASK);
    assert_string_equal(judgement.profile, "offline");
    assert_int_equal(judgement.ask_seconds, 5);
    policy_describe_reason(&judgement, text, sizeof(text));
    assert_string_equal(text, "may it; instead wait");
    JUDGE(policy, &judgement, "sh", "-c", "ask; soon");
    assert_string_equal(judgement.rule, "soon");
    JUDGE(policy, &judgement, "sh", "-c", "ask; no; soon");
    assert_int_equal(judgement.action, TASK_ACTION_DENY);
    assert_string_equal(judgement.rule, "no");
    JUDGE(policy, &judgement, "high");
    assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    assert_int_equal(judgement.ask_seconds, 0);
    policy_free(policy);
}

static void waits_as_long_as_the_first_file_says(void **state)
{
    struct policy *policy = support_load_text(
        SUPPORT_START
        ", \"ask_seconds\": 60, \"rules\": [" ASK("ask", "\"program\": \"ask\"", "") "]}",
        NULL);
    struct policy_judgement judgement;

    (void)state;
    JUDGE(policy, &judgement, "ask");
    assert_int_equal(judgement.ask_seconds, 60);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_unless_it_denies),
        cmocka_unit_test(waits_as_long_as_the_first_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
