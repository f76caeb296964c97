/* Several files as one policy: order, agents, profiles, environment, shapes. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "tests/unit/policy/support.h"

#define RULE(id, tier) \
    "{\"id\": \"" id   \
    "\", \"match\": {\"program\": \"x\"}, \"action\": \"sandbox\", \"tier\": \"" tier "\"}"

static const char *rule_of_x(const struct policy *policy)
{
    static const char *const arguments[] = {"x"};
    struct policy_judgement judgement;

    support_judge(policy, arguments, 1, &judgement);
    return judgement.rule;
}

static void reads_directories_in_their_order_and_files_by_name(void **state)
{
    char first[PATH_MAX];
    char second[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    struct policy *policy = NULL;

    (void)state;
    support_directory_make(first);
    support_directory_make(second);
    support_write(second, "a.json", SUPPORT_START ", \"rules\": [" RULE("second", "read") "]}");
    support_write(first, "b.json", "{\"version\": 1, \"rules\": [" RULE("b", "read") "]}");
    support_write(first, "a.json", "{\"version\": 1, \"rules\": [" RULE("a", "read") "]}");
    support_write(first, ".hidden.json", "not JSON");
    support_write(first, "notes.txt", "not JSON");
    const char *const forth[] = {first, "/nonexistent/directory", second, NULL};
    const char *const back[] = {second, first, NULL};

    assert_int_equal(policy_load(forth, NULL, &policy, &err), 0);
    assert_string_equal(rule_of_x(policy), "a");
    policy_free(policy);
    assert_int_equal(policy_load(back, NULL, &policy, &err), 0);
    assert_string_equal(rule_of_x(policy), "second");
    policy_free(policy);
    support_directory_remove(first);
    support_directory_remove(second);
}

static void refuses_to_be_without_rules(void **state)
{
    static const char *const nowhere[] = {"/nonexistent/a", "/nonexistent/b", NULL};
    char directory[PATH_MAX];
    const char *const places[] = {directory, NULL};
    char expected[PATH_MAX + 64];
    struct error err = ERROR_INITIALIZER;
    struct policy *policy = NULL;

    (void)state;
    assert_int_equal(policy_load(nowhere, NULL, &policy, &err), -EPROTO);
    assert_string_equal(error_text(&err), "/nonexistent/a: there is no policy file");
    support_directory_make(directory);
    support_write(directory, "a.json", "{\"version\": 1}");
    assert_int_equal(policy_load(places, NULL, &policy, &err), -EPROTO);
    snprintf(expected, sizeof(expected), "%s/a.json: no file has a profile \"default\"", directory);
    assert_string_equal(error_text(&err), expected);
    assert_null(policy);
    policy_free(policy);
    support_directory_remove(directory);
}

static void takes_an_id_once_in_all_files(void **state)
{
    char directory[PATH_MAX];
    const char *const places[] = {directory, NULL};
    char expected[2 * PATH_MAX + 64];
    struct error err = ERROR_INITIALIZER;
    struct policy *policy = NULL;

    (void)state;
    support_directory_make(directory);
    support_write(directory, "a.json", SUPPORT_START ", \"rules\": [" RULE("same", "read") "]}");
    support_write(directory, "b.json",
                  "{\"version\": 1,\n\"rules\": [\n" RULE("same", "read") "]}");
    assert_int_equal(policy_load(places, NULL, &policy, &err), -EPROTO);
    snprintf(expected, sizeof(expected),
             "%s/b.json:3: rules[0].id: is taken by a rule of %s/a.json", directory, directory);
    assert_string_equal(error_text(&err), expected);
    support_directory_remove(directory);
}

static void keeps_the_first_mode_profile_and_variable(void **state)
{
    char directory[PATH_MAX];
    struct policy *policy;

    (void)state;
    support_directory_make(directory);
    support_write(
        directory, "a.json",
        "{\"version\": 1, \"mode\": \"observe\", \"profiles\": {\"offline\": {\"network\": "
        "\"none\", \"linger_seconds\": 7, \"warm\": 2, \"processes\": 5, "
        "\"file_size_bytes\": 6, \"open_files\": 8}}, \"environment\": {\"set\": "
        "{\"A\": \"1\"}, \"scrub\": \"S*\", \"keep\": \"SK\"}}");
    support_write(directory, "b.json",
                  SUPPORT_START
                  ", \"mode\": \"enforce\", \"environment\": {\"set\": {\"A\": \"2\", "
                  "\"AB\": \"3\"}, \"keep\": \"SX\", \"scrub\": [\"T\"]}}");
    policy = support_load(directory, NULL);
    assert_true(policy_is_observing(policy));
    assert_int_equal(policy_profile_count(policy), 2);
    assert_string_equal(policy_profile_at(policy, 0)->name, "default");
    const struct policy_profile *offline = policy_profile_find(policy, "offline");

    assert_true(offline == policy_profile_at(policy, 1) && offline->has_no_network);
    assert_int_equal(offline->linger_seconds, 7);
    assert_int_equal(offline->warm, 2);
    assert_int_equal(offline->process_limit, 5);
    assert_int_equal(offline->file_size_limit, 6);
    assert_int_equal(offline->open_files_limit, 8);
    assert_null(policy_profile_find(policy, "other"));
    assert_string_equal(policy_variables(policy)[0], "A=1");
    assert_string_equal(policy_variables(policy)[1], "AB=3");
    assert_null(policy_variables(policy)[2]);
    assert_false(policy_passes_variable(policy, "SX=1", 2));
    assert_true(policy_passes_variable(policy, "SK", 2));
    assert_false(policy_passes_variable(policy, "S", 1));
    assert_false(policy_passes_variable(policy, "T", 1));
    assert_true(policy_passes_variable(policy, "TT", 2));
    assert_false(policy_passes_variable(policy, "", 0));
    policy_free(policy);
    support_directory_remove(directory);
}

static void keeps_rules_of_its_agent_only(void **state)
{
    static const char text[] =
        SUPPORT_START ", \"rules\": [{\"id\": \"one\", \"match\": {\"program\": \"x\", \"agent\": "
                      "[\"codex\", \"cl*\"]}, \"action\": \"sandbox\", \"tier\": \"read\"}]}";
    struct policy *policy = support_load_text(text, "claude");

    (void)state;
    assert_string_equal(rule_of_x(policy), "one");
    policy_free(policy);
    policy = support_load_text(text, "shell");
    assert_string_equal(rule_of_x(policy), POLICY_NO_RULE);
    policy_free(policy);
    policy = support_load_text(text, NULL);
    assert_string_equal(rule_of_x(policy), "one");
    policy_free(policy);
}

static void lays_out_direct_shapes(void **state)
{
    static const char text[] = SUPPORT_START
        ", \"direct\": [{\"id\": \"self\", \"agent\": \"codex\", \"environment\": [\"A\", \"BC\"], "
        "\"from\": \"/bin/a\", \"program\": \"/bin/b\", \"arguments\": [\"b\", \"\", \"*\", "
        "\"...\"]}, "
        "{\"id\": \"any\", \"from\": \"/bin/a\", \"program\": \"/bin/c\", \"arguments\": [], "
        "\"environment\": \"any\"}]}";
    static const char strings[] = "b\0\0*\0...\0A\0BC";
    struct policy *policy = support_load_text(text, "codex");
    const struct task_direct *direct = policy_direct_at(policy, 0);

    (void)state;
    assert_int_equal(policy_direct_count(policy), 2);
    assert_string_equal(direct->rule, "self");
    assert_string_equal(direct->from, "/bin/a");
    assert_string_equal(direct->program, "/bin/b");
    assert_int_equal(direct->argument_count, 4);
    assert_int_equal(direct->name_count, 2);
    assert_int_equal(direct->is_any_environment, 0);
    assert_int_equal(direct->strings_size, sizeof(strings));
    assert_memory_equal(direct->strings, strings, sizeof(strings));
    assert_int_equal(policy_direct_at(policy, 1)->is_any_environment, 1);
    assert_int_equal(policy_direct_at(policy, 1)->strings_size, 0);
    policy_free(policy);
    policy = support_load_text(text, "shell");
    assert_int_equal(policy_direct_count(policy), 1);
    policy_free(policy);
}

/* What agentcli-exec and tmux execute in an interactive session of whichever agent; for a vendor's
 * its own program as well. */
static void ships_the_shapes_of_interactive_sessions(void **state)
{
    struct policy *policy = support_load(SUPPORT_SHIPPED, "shell");

    (void)state;
    assert_int_equal(policy_direct_count(policy), 5);
    assert_true(policy_profile_count(policy) >= 2);
    assert_string_equal(policy_profile_at(policy, 0)->name, "default");
    assert_false(policy_profile_at(policy, 0)->has_no_network);
    assert_true(policy_profile_find(policy, "offline")->has_no_network);
    assert_false(policy_is_observing(policy));
    policy_free(policy);
    policy = support_load(SUPPORT_SHIPPED, "other");
    assert_int_equal(policy_direct_count(policy), 5);
    policy_free(policy);
    policy = support_load(SUPPORT_SHIPPED, "codex");
    assert_int_equal(policy_direct_count(policy), 7);
    policy_free(policy);
    policy = support_load(SUPPORT_SHIPPED, "claude");
    assert_int_equal(policy_direct_count(policy), 6);
    policy_free(policy);
    policy = support_load(SUPPORT_SHIPPED, "copilot");
    assert_int_equal(policy_direct_count(policy), 6);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_directories_in_their_order_and_files_by_name),
        cmocka_unit_test(refuses_to_be_without_rules),
        cmocka_unit_test(takes_an_id_once_in_all_files),
        cmocka_unit_test(keeps_the_first_mode_profile_and_variable),
        cmocka_unit_test(keeps_rules_of_its_agent_only),
        cmocka_unit_test(lays_out_direct_shapes),
        cmocka_unit_test(ships_the_shapes_of_interactive_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
