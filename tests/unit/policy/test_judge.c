/* How judgements come about: order, strictness, digests, directories, limits. */
#include <errno.h>
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
#define JUDGE(policy, judgement, ...)                         \
    support_judge(policy, (const char *const[]){__VA_ARGS__}, \
                  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), judgement)

static void takes_the_first_rule_that_matches(void **state)
{
    struct policy *policy =
        support_load_text(RULES(SANDBOX("a", "\"program\": \"x\", \"arguments\": [\"1\"]",
                                        "read") "," DENY("b", "\"program\": \"x\"")),
                          NULL);
    struct policy_judgement judgement;

    (void)state;
    JUDGE(policy, &judgement, "x", "1");
    assert_string_equal(judgement.rule, "a");
    assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    assert_null(judgement.message);
    JUDGE(policy, &judgement, "x", "1", "2");
    assert_string_equal(judgement.rule, "b");
    assert_int_equal(judgement.action, TASK_ACTION_DENY);
    assert_string_equal(judgement.message, "because");
    assert_null(judgement.instead);
    assert_false(judgement.is_observed);
    JUDGE(policy, &judgement, "y");
    assert_string_equal(judgement.rule, POLICY_NO_RULE);
    assert_string_equal(judgement.profile, "default");
    assert_int_equal(judgement.tier, TASK_TIER_NONE);
    policy_free(policy);
}

static void matches_arguments_with_gaps(void **state)
{
    struct policy *policy = support_load_text(
        RULES(SANDBOX("gap", "\"arguments\": [\"a\", \"...\", [\"b\", \"c*\"], \"...\", \"z\"]",
                      "read") "," SANDBOX("empty", "\"arguments\": []", "read")),
        NULL);
    struct policy_judgement judgement;

    (void)state;
    JUDGE(policy, &judgement, "x", "a", "b", "z");
    assert_string_equal(judgement.rule, "gap");
    JUDGE(policy, &judgement, "x", "a", "1", "cc", "2", "z", "z");
    assert_string_equal(judgement.rule, "gap");
    JUDGE(policy, &judgement, "x", "a", "b", "z", "1");
    assert_string_equal(judgement.rule, POLICY_NO_RULE);
    JUDGE(policy, &judgement, "x", "a", "z");
    assert_string_equal(judgement.rule, POLICY_NO_RULE);
    JUDGE(policy, &judgement, "x");
    assert_string_equal(judgement.rule, "empty");
    policy_free(policy);
}

/* One word is one word: no argument is ever split. */
static void takes_arguments_as_they_are(void **state)
{
    struct policy *policy = support_load(SUPPORT_SHIPPED, "shell");
    struct policy_judgement judgement;

    (void)state;
    JUDGE(policy, &judgement, "git", "push --force");
    assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    JUDGE(policy, &judgement, "git", "push", "-f\xff\xfe");
    assert_int_equal(judgement.action, TASK_ACTION_DENY);
    const struct policy_command nothing = {.program = "/usr/bin/git", .directory = "/"};

    policy_judge(policy, &nothing, &judgement);
    assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    policy_free(policy);
}

/* A path rule knows its file. Inside a string there are only names: then it may, and its mildness
 * does not count. */
static void is_strict_where_it_knows_only_a_name(void **state)
{
    struct policy *policy = support_load_text(
        RULES(SANDBOX("mine", "\"program\": \"/opt/git\"", "read") "," DENY(
            "any", "\"program\": \"git\"") "," DENY("path", "\"program\": \"/usr/bin/ssh\"")),
        NULL);
    struct policy_judgement judgement;

    (void)state;
    JUDGE(policy, &judgement, "/opt/git");
    assert_string_equal(judgement.rule, "mine");
    JUDGE(policy, &judgement, "/usr/bin/git");
    assert_string_equal(judgement.rule, "any");
    JUDGE(policy, &judgement, "sh", "-c", "git");
    assert_string_equal(judgement.rule, "any");
    JUDGE(policy, &judgement, "sh", "-c", "/opt/git");
    assert_string_equal(judgement.rule, "mine");
    JUDGE(policy, &judgement, "sh", "-c", "ssh");
    assert_string_equal(judgement.rule, "path");
    JUDGE(policy, &judgement, "env", "/opt/bin/ssh");
    assert_string_equal(judgement.rule, "path");
    JUDGE(policy, &judgement, "/opt/bin/ssh");
    assert_string_equal(judgement.rule, POLICY_NO_RULE);
    policy_free(policy);
}

static void keeps_the_strictest_of_all(void **state)
{
    struct policy *policy = support_load_text(
        RULES(SANDBOX("low", "\"program\": \"low\"", "read") "," SANDBOX(
            "high", "\"program\": \"high\"",
            "privileged") ",{\"id\": \"off\", \"match\": {\"program\": \"off\"}, \"action\": "
                          "\"sandbox\", \"tier\": \"read\", "
                          "\"profile\": \"offline\"}," DENY("no", "\"program\": \"no\"")),
        NULL);
    struct policy_judgement judgement;

    (void)state;
    JUDGE(policy, &judgement, "sh", "-c", "low; high; low");
    assert_string_equal(judgement.rule, "high");
    JUDGE(policy, &judgement, "sh", "-c", "high; off; low");
    assert_string_equal(judgement.rule, "off");
    assert_string_equal(judgement.profile, "offline");
    assert_int_equal(judgement.tier, TASK_TIER_PRIVILEGED);
    JUDGE(policy, &judgement, "sh", "-c", "high; no; off");
    assert_string_equal(judgement.rule, "no");
    assert_int_equal(judgement.action, TASK_ACTION_DENY);
    assert_int_equal(judgement.tier, TASK_TIER_PRIVILEGED);
    policy_free(policy);
}

static void matches_directories(void **state)
{
    struct policy *policy = support_load_text(
        RULES(
            DENY("there", "\"directory\": [\"/workspace\", \"/workspace/*\"], \"program\": \"x\"")),
        NULL);
    struct policy_command command = {.program = "/bin/x", .directory = "/workspace/a"};
    struct policy_judgement judgement;

    (void)state;
    policy_judge(policy, &command, &judgement);
    assert_string_equal(judgement.rule, "there");
    command.directory = "/workspaces";
    policy_judge(policy, &command, &judgement);
    assert_string_equal(judgement.rule, POLICY_NO_RULE);
    policy_free(policy);
}

struct digest {
    int result;
    unsigned int asked;
};

static int give_digest(void *context, uint8_t digest[TASK_DIGEST_SIZE])
{
    struct digest *given = context;

    given->asked++;
    memset(digest, 0xab, TASK_DIGEST_SIZE);
    return given->result;
}

#define AB "abababababababababababababababababababababababababababababababab"

static void asks_for_a_digest_once_and_only_when_needed(void **state)
{
    struct policy *policy = support_load_text(
        RULES(DENY("other", "\"program\": \"x\", \"sha256\": \""
                            "00"
                            "000000000000000000000000000000000000000000000000000000000000"
                            "00"
                            "\"") "," DENY("this", "\"program\": \"x\", \"sha256\": [\"" AB "\"]")),
        NULL);
    struct digest digest = {0};
    struct policy_command command = {
        .program = "/bin/x", .directory = "/", .digest = give_digest, .context = &digest};
    struct policy_judgement judgement;

    (void)state;
    policy_judge(policy, &command, &judgement);
    assert_string_equal(judgement.rule, "this");
    assert_int_equal(digest.asked, 1);
    digest.result = -EACCES;
    policy_judge(policy, &command, &judgement);
    assert_string_equal(judgement.rule, POLICY_NO_RULE);
    assert_int_equal(digest.asked, 2);
    command.program = "/bin/y";
    policy_judge(policy, &command, &judgement);
    assert_int_equal(digest.asked, 2);
    command.program = "/bin/x";
    command.digest = NULL;
    policy_judge(policy, &command, &judgement);
    assert_string_equal(judgement.rule, POLICY_NO_RULE);
    policy_free(policy);
}

static void runs_everything_when_it_observes(void **state)
{
    struct policy *policy = support_load_text(
        SUPPORT_START ", \"mode\": \"observe\", \"rules\": [" DENY(
            "no", "\"program\": \"x\"") "," ASK("ask", "\"program\": \"ask\"", "") "]}",
        NULL);
    struct policy_judgement judgement;

    (void)state;
    JUDGE(policy, &judgement, "x");
    assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    assert_true(judgement.is_observed);
    assert_string_equal(judgement.rule, "no");
    assert_string_equal(judgement.profile, "default");
    assert_null(judgement.message);
    JUDGE(policy, &judgement, "ask");
    assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    assert_true(judgement.is_observed);
    assert_string_equal(judgement.rule, "ask");
    assert_null(judgement.message);
    assert_int_equal(judgement.ask_seconds, 0);
    JUDGE(policy, &judgement, "y");
    assert_false(judgement.is_observed);
    policy_free(policy);
}

static void describes_a_denial_in_one_line(void **state)
{
    struct policy_judgement judgement = {
        .action = TASK_ACTION_DENY, .rule = "id", .message = "why"};
    char text[64];

    (void)state;
    policy_describe_denial(&judgement, text, sizeof(text));
    assert_string_equal(text, "denied by rule id: why");
    judgement.instead = "do that";
    policy_describe_denial(&judgement, text, sizeof(text));
    assert_string_equal(text, "denied by rule id: why; instead do that");
    policy_describe_denial(&judgement, text, 10);
    assert_string_equal(text, "denied by");
}

/* LEVELS substitutions around COMMAND. Owned by the caller. */
static char *nest(const char *command, size_t levels)
{
    char *text = calloc(1, strlen(command) + 3 * levels + 1);
    size_t used = 0;

    assert_non_null(text);
    for (size_t i = 0; i < levels; i++, used += 2)
        memcpy(text + used, "$(", 2);
    memcpy(text + used, command, strlen(command));
    used += strlen(command);
    memset(text + used, ')', levels);
    return text;
}

static void looks_as_deep_as_it_says(void **state)
{
    struct policy *policy = support_load(SUPPORT_SHIPPED, "shell");
    struct policy_judgement judgement;

    (void)state;
    for (size_t levels = 0; levels < POLICY_DEPTH_MAX + 4; levels++) {
        cleanup_free char *text = nest("git push --force", levels);

        JUDGE(policy, &judgement, "sh", "-c", text);
        /* The string is one level, the command's own words another. */
        assert_int_equal(judgement.action == TASK_ACTION_DENY, levels + 2 <= POLICY_DEPTH_MAX);
    }
    policy_free(policy);
}

static void stands_endless_input(void **state)
{
    static const char *const pieces[] = {"$(",   "(",          "\"", "'",  "`",  "${", "$((",
                                         "<<a ", "case ",      "a;", "a ", "\\", "$'", "<(",
                                         "{ ",   "case a in ", "!",  "\n", "$["};
    struct policy *policy = support_load(SUPPORT_SHIPPED, "shell");
    const size_t size = 128 * 1024;
    cleanup_free char *text = malloc(size + 1);
    struct policy_judgement judgement;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < ARRAY_LENGTH(pieces); i++) {
        size_t width = strlen(pieces[i]);

        for (size_t at = 0; at < size; at++)
            text[at] = pieces[i][at % width];
        text[size] = '\0';
        JUDGE(policy, &judgement, "sh", "-c", text);
        assert_int_equal(judgement.action, TASK_ACTION_SANDBOX);
    }
    policy_free(policy);
}

/* What does not fit is left out; what stands in front of it and behind it counts all the same. */
static void looks_at_what_fits_of_a_long_command(void **state)
{
    struct policy *policy = support_load(SUPPORT_SHIPPED, "shell");
    const size_t size = POLICY_WORDS_BYTES + 100;
    cleanup_free char *text = malloc(size + 64);
    struct policy_judgement judgement;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', size);
    memcpy(text, "git push --force ", 17);
    text[size] = '\0';
    JUDGE(policy, &judgement, "sh", "-c", text);
    assert_int_equal(judgement.action, TASK_ACTION_DENY);
    memcpy(text, "echo ", 5);
    memset(text + 5, 'a', 20);
    JUDGE(policy, &judgement, "sh", "-c", text);
    assert_string_equal(judgement.rule, "read-shell");
    memcpy(text + size, "; git push --force", 19);
    JUDGE(policy, &judgement, "sh", "-c", text);
    assert_int_equal(judgement.action, TASK_ACTION_DENY);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_first_rule_that_matches),
        cmocka_unit_test(matches_arguments_with_gaps),
        cmocka_unit_test(takes_arguments_as_they_are),
        cmocka_unit_test(is_strict_where_it_knows_only_a_name),
        cmocka_unit_test(keeps_the_strictest_of_all),
        cmocka_unit_test(matches_directories),
        cmocka_unit_test(asks_for_a_digest_once_and_only_when_needed),
        cmocka_unit_test(runs_everything_when_it_observes),
        cmocka_unit_test(describes_a_denial_in_one_line),
        cmocka_unit_test(looks_as_deep_as_it_says),
        cmocka_unit_test(stands_endless_input),
        cmocka_unit_test(looks_at_what_fits_of_a_long_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
