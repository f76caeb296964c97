/* Sorting git's status into what is committed and what stays behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/agent-commit/changes.h"
#include "lib/base/cleanup.h"

#define SHIPPED_PATTERNS "policies/credential-patterns.tab"
#define IDS "100644 100644 100644 aaaa bbbb "

static struct credential_patterns patterns;

static int load_patterns(void **state)
{
    (void)state;
    return credential_patterns_load(SHIPPED_PATTERNS, &patterns, NULL);
}

static int free_patterns(void **state)
{
    (void)state;
    credential_patterns_free(&patterns);
    return 0;
}

static bool contains(const struct path_list *list, const char *path)
{
    for (size_t at = 0; at < list->size; at += strlen(list->text + at) + 1) {
        if (strcmp(list->text + at, path) == 0)
            return true;
    }
    return false;
}

static void test_shipped_patterns(void **state)
{
    (void)state;
    static const char *const credentials[] = {
        ".env",  "deep/down/.env", ".ENV",   ".env.production",    "id_rsa", "keys/id_ed25519",
        "a.pem", "server.key",     ".netrc", "x/.git-credentials",
    };
    static const char *const harmless[] = {
        ".env.example", "environment.c", "keyboard.c", "README.md", "pem/readme", "src/key.c",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(credentials); i++)
        assert_true(credential_patterns_match(&patterns, credentials[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(harmless); i++)
        assert_false(credential_patterns_match(&patterns, harmless[i]));
}

static void test_sorting(void **state)
{
    (void)state;
    static const char status[] = "# branch.oid (initial)\0"
                                 "# stash 1\0"
                                 "1 .M N... " IDS "src/a b.c\0"
                                 "1 A. N... " IDS ".env\0"
                                 "1 .D N... " IDS "old/.env\0"
                                 "1 .M S.M. " IDS "module\0"
                                 "u UU N... 100644 100644 100644 100644 a b c conflict\0"
                                 "? new\nline\0"
                                 "? nested/\0"
                                 "? id_rsa\0";
    struct changes changes = {.added = {.text = NULL}};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(changes_sort(status, sizeof(status) - 1, &patterns, &changes, &err), 0);
    assert_int_equal(changes.added.count, 4);
    assert_true(contains(&changes.added, "src/a b.c"));
    assert_true(contains(&changes.added, "old/.env"));
    assert_true(contains(&changes.added, "conflict"));
    assert_true(contains(&changes.added, "new\nline"));
    assert_int_equal(changes.withheld.count, 4);
    assert_true(contains(&changes.withheld, ".env"));
    assert_true(contains(&changes.withheld, "id_rsa"));
    assert_true(contains(&changes.withheld, "nested/"));
    assert_true(contains(&changes.withheld, "module"));
    assert_int_equal(changes.unresolved.count, 1);
    assert_true(contains(&changes.unresolved, "conflict"));
    changes_free(&changes);
    /* The control: without patterns nothing looks like a credential. */
    assert_int_equal(changes_sort(status, sizeof(status) - 1, NULL, &changes, &err), 0);
    assert_true(contains(&changes.added, ".env"));
    changes_free(&changes);
}

static void test_what_is_not_staged(void **state)
{
    (void)state;
    static const char status[] = "# stash 1\0"
                                 "1 M. N... " IDS "staged\0"
                                 "1 MM N... " IDS "half\0"
                                 "1 .M S.M. " IDS "module\0"
                                 "u UU N... 100644 100644 100644 100644 a b c conflict\0"
                                 "? new\0";
    struct path_list unstaged = {.text = NULL};
    assert_int_equal(changes_unstaged(status, sizeof(status) - 1, &unstaged, NULL), 0);
    assert_int_equal(unstaged.count, 4);
    assert_false(contains(&unstaged, "staged"));
    assert_true(contains(&unstaged, "half"));
    assert_true(contains(&unstaged, "module"));
    assert_true(contains(&unstaged, "conflict"));
    assert_true(contains(&unstaged, "new"));
    path_list_free(&unstaged);
}

static void test_malformed_status_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"? a", 3}, {"x y\0", 4}, {"#\0", 2}, {"1 .M N...\0", 10},       {"1\0", 2},
        {"?\0", 2}, {"? \0", 3},  {"\0", 1},  {"u UU N... 1 2 3\0", 16},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct changes changes = {.added = {.text = NULL}};
        struct error err = ERROR_INITIALIZER;
        assert_int_equal(changes_sort(cases[i].text, cases[i].size, NULL, &changes, &err), -EPROTO);
        changes_free(&changes);
    }
}

static void test_bad_pattern_row_is_named(void **state)
{
    (void)state;
    struct credential_patterns broken;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(credential_patterns_load("policies/users.tab", &broken, &err), -EINVAL);
    assert_non_null(strstr(err.message, "policies/users.tab:"));
    credential_patterns_free(&broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_patterns),
        cmocka_unit_test(test_sorting),
        cmocka_unit_test(test_what_is_not_staged),
        cmocka_unit_test(test_malformed_status_is_refused),
        cmocka_unit_test(test_bad_pattern_row_is_named),
    };
    return cmocka_run_group_tests(tests, load_patterns, free_patterns);
}
