/* What runs others, by another name or through a subcommand, and what could not be read. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
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

/* git is called by the names of its parts, and says by argv[0] which one it is. */
static void knows_git_by_its_other_names(void **state)
{
    struct policy *policy = support_load(SUPPORT_SHIPPED, "shell");
    static const char *const words[] = {"/usr/lib/git-core/git-push", "--force"};
    struct policy_command command = {.program = "/usr/bin/git",
                                     .arguments = words,
                                     .argument_count = ARRAY_LENGTH(words),
                                     .directory = "/"};
    struct policy_judgement judgement;

    (void)state;
    policy_judge(policy, &command, &judgement);
    assert_string_equal(judgement.rule, "git-push-program");
    command.argument_count = 1;
    policy_judge(policy, &command, &judgement);
    assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    policy_free(policy);
}

/* A subcommand that runs others runs them only so deep, and what it costs to look is bounded. */
static void looks_as_deep_into_subcommands(void **state)
{
    static const char *const bisect[] = {"git", "bisect", "run"};
    static const char *words[3 * 30000 + 3];
    struct policy *policy = support_load(SUPPORT_SHIPPED, "shell");
    struct policy_judgement judgement;

    (void)state;
    for (size_t levels = 1; levels <= 30000;
         levels = levels < POLICY_DEPTH_MAX + 3 ? levels + 1 : levels * 50) {
        size_t count = 0;

        for (; count < 3 * levels; count++)
            words[count] = bisect[count % 3];
        words[count++] = "git";
        words[count++] = "push";
        words[count++] = "--force";
        support_judge(policy, words, count, &judgement);
        assert_int_equal(judgement.action == TASK_ACTION_DENY, levels <= POLICY_DEPTH_MAX);
    }
    policy_free(policy);
}

/* What is not known of a command counts as the strictest that it could be. */
static void is_strict_where_it_could_not_read(void **state)
{
    struct policy *policy = support_load_text(
        RULES(SANDBOX("sure", "\"program\": \"sure\"", "read") "," DENY(
            "no", "\"program\": [\"x\", "
                  "\"sure\"], "
                  "\"arguments\": "
                  "[\"1\"]") "," SANDBOX("high", "\"program\": \"y\", \"arguments\": [\"2\"]",
                                         "privileged") "," ASK("ask",
                                                               "\"program\": \"z\", \"arguments\": "
                                                               "[\"1\"]",
                                                               "")),
        NULL);
    static const struct {
        const char *program;
        enum task_action action;
        enum task_tier tier;
    } rows[] = {
        {"/bin/x", TASK_ACTION_DENY, TASK_TIER_NETWORK},
        {"/bin/y", TASK_ACTION_SANDBOX, TASK_TIER_PRIVILEGED},
        {"/bin/z", TASK_ACTION_DENY, TASK_TIER_READ},
        {"/bin/sure", TASK_ACTION_SANDBOX, TASK_TIER_READ}, /* whatever its arguments are */
        {"/bin/other", TASK_ACTION_SANDBOX, TASK_TIER_NONE},
        {"/bin/env", TASK_ACTION_DENY, TASK_TIER_PRIVILEGED}, /* runs anything */
        {"/bin/bash", TASK_ACTION_DENY, TASK_TIER_PRIVILEGED},
        {"/bin/docker", TASK_ACTION_SANDBOX, TASK_TIER_NONE}, /* runs nothing here */
        {NULL, TASK_ACTION_DENY, TASK_TIER_PRIVILEGED},
    };
    struct policy_judgement judgement;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        policy_judge_unread(policy, rows[i].program, &judgement);
        assert_int_equal(judgement.action, rows[i].action);
        assert_int_equal(judgement.tier, rows[i].tier);
        assert_string_equal(judgement.rule, POLICY_UNREADABLE);
        assert_string_equal(judgement.profile, "default");
        assert_int_equal(judgement.ask_seconds, 0);
        assert_int_equal(judgement.message != NULL, rows[i].action == TASK_ACTION_DENY);
    }
    policy_free(policy);
    policy = support_load_text(
        SUPPORT_START ", \"mode\": \"observe\", \"rules\": [" DENY("no", "\"program\": \"x\"") "]}",
        NULL);
    policy_judge_unread(policy, NULL, &judgement);
    assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    assert_true(judgement.is_observed);
    assert_null(judgement.message);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_git_by_its_other_names),
        cmocka_unit_test(looks_as_deep_into_subcommands),
        cmocka_unit_test(is_strict_where_it_could_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
