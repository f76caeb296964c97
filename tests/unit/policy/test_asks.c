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

/* What ARGV asks about, as "words|flags"; "" when it does not ask. */
static const char *asked(const struct policy *policy, const char *const *argv, size_t count)
{
    static char text[TASK_ASKED_SHOWN + 8];
    struct task_asked asked = {.flags = 0};
    struct policy_judgement judgement;
    char program[64];
    const struct policy_command command = {.program = program,
                                           .arguments = argv,
                                           .argument_count = count,
                                           .directory = "/workspace",
                                           .asked = &asked};

    snprintf(program, sizeof(program), "/usr/bin/%s", argv[0]);
    policy_judge(policy, &command, &judgement);
    if (judgement.action != TASK_ACTION_ASK) {
        assert_int_equal(asked.flags, 0);
        assert_int_equal(asked.size, 0);
        return "";
    }
    memcpy(text, asked.words, asked.size);
    for (char *end = memchr(text, '\0', asked.size); end != NULL;
         end = memchr(end, '\0', asked.size - (size_t)(end - text)))
        *end = ' ';
    snprintf(text + asked.size, 8, "|%u", asked.flags);
    return text;
}

#define ASKED(...)                                    \
    asked(policy, (const char *const[]){__VA_ARGS__}, \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void tells_which_command_inside_asks(void **state)
{
    struct policy *policy = support_load_text(
        RULES(
            ASK("publish",
                "\"program\": [\"npm\", \"cargo\"], \"arguments\": [\"...\", \"publish\", \"...\"]",
                "") "," ASK("higher", "\"program\": \"twine\"",
                            ", \"profile\": \"offline\"") "," DENY("no", "\"program\": \"no\"")),
        NULL);

    (void)state;
    assert_string_equal(ASKED("npm", "publish"), "|0");
    assert_string_equal(ASKED("npm", "--prefix", "x", "publish"), "|0");
    assert_string_equal(ASKED("timeout", "9", "npm", "publish"), "npm publish |1");
    assert_string_equal(ASKED("sh", "-c", "cd x && cargo publish --dry-run; ls"),
                        "cargo publish --dry-run |1");
    /* What is read twice, with its options and without, asks once. */
    assert_string_equal(ASKED("sh", "-c", "npm --prefix x publish"), "npm --prefix x publish |1");
    assert_string_equal(ASKED("sh", "-c", "eval 'cargo publish' </dev/null && pwd -P >|/tmp/x"),
                        "cargo publish |1");
    /* Two that ask, the same one twice as well; the stricter one is shown. */
    assert_string_equal(ASKED("sh", "-c", "cargo publish; npm publish"), "cargo publish |3");
    assert_string_equal(ASKED("sh", "-c", "cargo publish; cargo publish"), "cargo publish |3");
    assert_string_equal(ASKED("sh", "-c", "cargo publish; twine upload"), "twine upload |3");
    assert_string_equal(ASKED("sh", "-c", "cargo publish $(twine upload)"), "twine upload |3");
    assert_string_equal(ASKED("sh", "-c", "cargo publish; no"), "");
    assert_string_equal(ASKED("sh", "-c", "ls"), "");
    policy_free(policy);
}

/* Words that are not here, and commands that were not looked at, might ask about anything. */
static void tells_that_it_does_not_know_all(void **state)
{
    struct policy *policy = support_load_text(RULES(ASK("ask", "\"program\": \"ask\"", "")), NULL);
    char text[POLICY_WORDS_BYTES + 64];
    char *at = text + 4;

    (void)state;
    memcpy(text, "ask ", 4);
    memset(at, 'x', TASK_ASKED_SHOWN);
    snprintf(at + TASK_ASKED_SHOWN, 8, " y");
    assert_string_equal(ASKED("sh", "-c", text), "ask y |3");
    memset(at, 'x', POLICY_WORDS_BYTES);
    snprintf(at + POLICY_WORDS_BYTES, 8, " y");
    assert_string_equal(ASKED("sh", "-c", text), "ask y |3");
    assert_string_equal(ASKED("sh", "-c", "ask; ( ( ( ( ( ( ( ( ( ( ( ( ( ( ( ( ( ask"), "ask |3");
    policy_free(policy);
}

/* The sandbox that writes what others read is for one command, and none that has it inside. */
static void gives_a_writer_to_the_command_itself(void **state)
{
    struct policy *policy = support_load_text(
        "{\"version\": 1, \"profiles\": {\"default\": {\"network\": \"inherit\", "
        "\"linger_seconds\": 1, \"warm\": 1}, \"writer\": {\"network\": \"none\", "
        "\"linger_seconds\": 0, \"warm\": 0, \"shared\": \"write\"}}, \"rules\": [{\"id\": "
        "\"writes\", \"match\": {\"program\": \"sh\", \"arguments\": [\"-c\", \"SNAPSHOT=*\"]}, "
        "\"action\": \"sandbox\", \"tier\": \"read\", \"profile\": \"writer\"}]}",
        NULL);
    struct policy_judgement judgement;

    (void)state;
    assert_true(policy_profile_find(policy, "writer")->writes_shared);
    assert_false(policy_profile_find(policy, "default")->writes_shared);
    JUDGE(policy, &judgement, "sh", "-c", "SNAPSHOT=x; true");
    assert_string_equal(judgement.profile, "writer");
    JUDGE(policy, &judgement, "sh", "-c", "sh -c 'SNAPSHOT=x; true'");
    assert_string_equal(judgement.profile, "default");
    JUDGE(policy, &judgement, "env", "sh", "-c", "SNAPSHOT=x; true");
    assert_string_equal(judgement.profile, "default");
    policy_free(policy);
}

/* Whether NESTED asks, inside a line for a shell in which `publish` asked and was approved. */
static bool asks_inside(const struct policy *policy, const char *line, const char *nested)
{
    const char *const words[] = {"sh", "-c", line};
    const char *const inside[] = {"sh", "-c", nested};
    const struct policy_command approved = {.program = "/usr/bin/sh",
                                            .arguments = words,
                                            .argument_count = 3,
                                            .directory = "/workspace"};
    const struct policy_approval approval = {.rule = "publish", .command = &approved};
    const struct policy_command command = {.program = "/usr/bin/sh",
                                           .arguments = inside,
                                           .argument_count = 3,
                                           .directory = "/workspace",
                                           .approval = &approval};
    struct policy_judgement judgement;

    policy_judge(policy, &command, &judgement);
    return judgement.action == TASK_ACTION_ASK;
}

/* Of what was approved, not of its rule. */
static void does_not_ask_again_about_the_words_that_were_shown(void **state)
{
    /* clang-format off */
    static const struct {
        const char *line;
        const char *nested;
        bool asks;
    } rows[] = {
        {"cd x && npm publish a",         "npm publish a",               false},
        {"cd x && npm publish a",         "/usr/bin/npm publish a --tag b", false},
        {"cd x && npm publish a",         "npm publish b",               true},
        {"cd x && npm publish a",         "npm publish",                 true},
        {"cd x && npm publish a",         "cargo publish a",             true},
        {"cd x && npm publish a",         "npm publish a; npm publish b", true},
        {"npm publish a; npm publish b",  "npm publish b; npm publish a", false},
        /* The name alone, where it asks about nothing, is the beginning of all that asks. */
        {"npm; npm publish a",            "npm publish b",               true},
        /* Up to the word that is not known before. */
        {"npm publish $X",                "npm publish b",               false},
        {"npm publish $X",                "npm unpublish b publish",     true},
        {"timeout 9 npm publish 'a b'",   "npm publish 'a b'",           false},
        {"timeout 9 npm publish 'a b'",   "npm publish a b",             true},
        /* Another rule. */
        {"npm publish a; twine upload",   "twine upload",                true},
    };
    /* clang-format on */
    struct policy *policy = support_load_text(
        RULES(ASK("publish",
                  "\"program\": [\"npm\", \"cargo\"], \"arguments\": [\"...\", \"publish\", "
                  "\"...\"]",
                  "") "," ASK("higher", "\"program\": \"twine\"", "")),
        NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (asks_inside(policy, rows[i].line, rows[i].nested) != rows[i].asks)
            fail_msg("'%s' inside '%s'", rows[i].nested, rows[i].line);
    policy_free(policy);
}

/* A program that was approved itself is what its rule is about, whatever it starts for that. */
static void does_not_ask_again_inside_a_program_that_asked(void **state)
{
    struct policy *policy =
        support_load_text(RULES(ASK("publish", "\"program\": [\"npm\", \"pnpm\"]",
                                    "") "," ASK("other", "\"program\": \"twine\"", "")),
                          NULL);
    const char *const words[] = {"npm", "publish"};
    const struct policy_approval approvals[] = {{.rule = "publish"}, {.rule = "other"}, {0}};
    struct policy_command command = {.program = "/usr/bin/npm",
                                     .arguments = words,
                                     .argument_count = 2,
                                     .directory = "/workspace"};
    struct policy_judgement judgement;

    (void)state;
    for (size_t i = 0; i < sizeof(approvals) / sizeof(*approvals); i++) {
        command.approval = &approvals[i];
        policy_judge(policy, &command, &judgement);
        assert_int_equal(judgement.action, i == 0 ? TASK_ACTION_SANDBOX : TASK_ACTION_ASK);
        assert_string_equal(judgement.rule, "publish");
    }
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_unless_it_denies),
        cmocka_unit_test(tells_which_command_inside_asks),
        cmocka_unit_test(tells_that_it_does_not_know_all),
        cmocka_unit_test(gives_a_writer_to_the_command_itself),
        cmocka_unit_test(waits_as_long_as_the_first_file_says),
        cmocka_unit_test(does_not_ask_again_about_the_words_that_were_shown),
        cmocka_unit_test(does_not_ask_again_inside_a_program_that_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
