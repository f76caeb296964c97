/* What the user lets sessions do with https remotes, and the mistakes that one can make there. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/git_rules.h"
#include "tests/unit/wire/support.h"

static void has_defaults(void **state)
{
    (void)state;
    struct git_rules rules;
    assert_int_equal(git_rules_parse(NULL, 0, &rules, NULL), 0);
    assert_false(rules.is_off || rules.allows_deletion);
    assert_int_equal(rules.updates, GIT_RULES_OWN);
    assert_null(rules.credentials[0]);
    assert_true(git_rules_match(&rules, "shell", "refs/heads/shell/a"));
    assert_true(git_rules_match(&rules, "shell", "refs/heads/shell/a/b"));
    static const char *const others[] = {"refs/heads/shell/",
                                         "refs/heads/shell",
                                         "refs/heads/shellx/a",
                                         "refs/heads/claude/a",
                                         "refs/heads/main",
                                         "refs/tags/shell/a",
                                         "HEAD"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_false(git_rules_match(&rules, "shell", others[i]));
    git_rules_free(&rules);
}

static void reads_what_the_user_says(void **state)
{
    (void)state;
    static const char text[] =
        "{\"version\": 1, \"proxy\": \"off\", \"credentials\": [\"https://h/a\"], \"push\": "
        "{\"branches\": [\"refs/heads/x-{agent}-*-y\", \"refs/tags/v1\"], \"updates\": \"any\", "
        "\"deletions\": \"own\"}}";
    struct git_rules rules;
    assert_int_equal(git_rules_parse(text, strlen(text), &rules, NULL), 0);
    assert_true(rules.is_off && rules.allows_deletion && rules.updates == GIT_RULES_ANY);
    assert_string_equal(rules.credentials[0], "https://h/a");
    assert_true(git_rules_match(&rules, "codex", "refs/heads/x-codex-1-y"));
    assert_false(git_rules_match(&rules, "codex", "refs/heads/x-codex-y"));
    assert_false(git_rules_match(&rules, "codex", "refs/heads/x-shell-1-y"));
    assert_true(git_rules_match(&rules, "codex", "refs/tags/v1"));
    assert_false(git_rules_match(&rules, "codex", "refs/tags/v11"));
    git_rules_free(&rules);
}

static void names_a_mistake(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"version\": 2}",
        "{\"version\": 1, \"proxy\": \"maybe\"}",
        "{\"version\": 1, \"pus\": {}}",
        "{\"version\": 1, \"push\": {\"branches\": \"refs/heads/*\"}}",
        "{\"version\": 1, \"push\": {\"branches\": [\"heads/*\"]}}",
        "{\"version\": 1, \"push\": {\"branches\": [\"refs/*/*\"]}}",
        "{\"version\": 1, \"push\": {\"updates\": \"all\"}}",
        "{\"version\": 1, \"push\": {\"deletions\": true}}",
        "{\"version\": 1, \"credentials\": [\"http://h/a\"]}",
        "{\"version\": 1, \"credentials\": [\"https://h\"]}",
        "{\"version\": 1, \"credentials\": [\"https://u:p@h/a\"]}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct git_rules rules;
        struct error err = ERROR_INITIALIZER;
        if (git_rules_parse(texts[i], strlen(texts[i]), &rules, &err) == 0)
            fail_msg("taken: %s", texts[i]);
        assert_true(err.message[0] != '\0');
        git_rules_free(&rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(reads_what_the_user_says),
        cmocka_unit_test(names_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
