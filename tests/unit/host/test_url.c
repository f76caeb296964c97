/* No credential of a remote's URL travels. */
#include "lib/wire/git_config.h"
#include "tests/unit/host/support.h"

/* clang-format off */
static const struct { const char *url; const char *stripped; } cases[] = {
    {"https://example.com/a.git",                 "https://example.com/a.git"},
    {"https://user@example.com/a.git",            "https://example.com/a.git"},
    {"https://user:secret@example.com/a.git",     "https://example.com/a.git"},
    {"https://ghp_token@example.com:8443/a",      "https://example.com:8443/a"},
    {"https://u:p@ss@example.com/a",              "https://example.com/a"},
    {"https://example.com/a?access_token=secret", "https://example.com/a"},
    {"https://u:p@example.com?x=y#z",             "https://example.com"},
    {"HTTPS://u:p@example.com/a",                 "HTTPS://example.com/a"},
    {"https://example.com/a@b/c:d",               "https://example.com/a@b/c:d"},
    {"ssh://git@example.com/a.git",               "ssh://git@example.com/a.git"},
    {"ssh://git:secret@example.com:22/a.git",     "ssh://git@example.com:22/a.git"},
    {"git+ssh://git:secret@example.com/a",        "git+ssh://git@example.com/a"},
    {"git://example.com/a",                       "git://example.com/a"},
    {"ftp://u:p@example.com/a",                   "ftp://example.com/a"},
    {"ssh://[fe80::1]:22/a",                      "ssh://[fe80::1]:22/a"},
    {"git@example.com:a/b.git",                   "git@example.com:a/b.git"},
    {"/srv/git/a.git",                            "/srv/git/a.git"},
    {"../sibling.git",                            "../sibling.git"},
};
/* clang-format on */

static void test_credentials_are_stripped(void **state)
{
    (void)state;
    struct string_list list = {.items = NULL};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(url_strip_credentials(cases[i].url, &list), cases[i].stripped);
    string_list_free(&list);
}

static void test_helpers_are_dropped(void **state)
{
    (void)state;
    struct string_list list = {.items = NULL};
    assert_null(url_strip_credentials("ext::sh -c 'touch /tmp/x'", &list));
    assert_null(url_strip_credentials("fd::17", &list));
    assert_null(url_strip_credentials("persistent-https::https://example.com/", &list));
    string_list_free(&list);
}

/* What is stripped passes the list that the container checks again; what is not, does not. */
static void test_the_allow_list_agrees(void **state)
{
    (void)state;
    struct string_list list = {.items = NULL};
    assert_non_null(
        git_config_refusal("remote.origin.url", "https://user:secret@example.com/a.git"));
    const char *stripped = url_strip_credentials("https://user:secret@example.com/a.git", &list);
    assert_null(git_config_refusal("remote.origin.url", stripped));
    stripped = url_strip_credentials("ssh://git:secret@example.com/a.git", &list);
    assert_null(git_config_refusal("remote.origin.url", stripped));
    string_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials_are_stripped),
        cmocka_unit_test(test_helpers_are_dropped),
        cmocka_unit_test(test_the_allow_list_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
