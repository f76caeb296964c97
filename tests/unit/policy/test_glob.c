/* Patterns. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/policy/glob.h"
#include "tests/unit/policy/support.h"

struct row {
    const char *pattern;
    const char *text;
    bool matches;
};

/* clang-format off */
static const struct row rows[] = {
    {"", "", true}, {"", "a", false}, {"a", "", false}, {"a", "a", true}, {"a", "ab", false},
    {"*", "", true}, {"*", "a/b", true}, {"**", "ab", true}, {"a*", "a", true}, {"*a", "ba", true},
    {"*a", "ab", false}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxbyy", false}, {"*ab", "aab", true},
    {"*a*a*", "aa", true}, {"*a*a*", "a", false}, {"/usr/*/git", "/usr/lib/x/git", true},
    {"?", "a", true}, {"?", "", false}, {"?", "ab", false}, {"a?c", "abc", true},
    {"[abc]", "b", true}, {"[abc]", "d", false}, {"[!abc]", "d", true}, {"[!abc]", "a", false},
    {"[a-c]x", "bx", true}, {"[a-c]", "d", false}, {"[]]", "]", true}, {"[!]]", "]", false},
    {"[a-]", "-", true}, {"[\\]", "\\", true}, {"[*]", "*", true}, {"[*]", "a", false},
    {"\\*", "*", true}, {"\\*", "a", false}, {"\\[a]", "[a]", true}, {"\xc3\xa9*", "\xc3\xa9t", true},
    {"*_KEY", "A_KEY_KEY", true}, {"*_KEY", "A_KEY_", false}, {"*_KEY", "AKEY", false},
    {"a*?", "a", false}, {"a*?", "ab", true}, {"*\\*", "ab*", true}, {"*\\*", "ab", false},
    {"*[b-d]x", "abcx", true}, {"*b*", "ab", true}, {"a**b", "acb", true}, {"*\xff", "a\xff", true},
    {"[\x80-\xff]", "\xe9", true}, {"-[46]*f*", "-4uf", true}, {"-[46]*f*", "--force", false},
};
/* clang-format on */

static void matches_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_null(glob_check(rows[i].pattern));
        if (glob_matches(rows[i].pattern, rows[i].text) != rows[i].matches)
            fail_msg("'%s' on '%s'", rows[i].pattern, rows[i].text);
        if (rows[i].matches && glob_first(rows[i].pattern) != '\0')
            assert_int_equal(rows[i].text[0], glob_first(rows[i].pattern));
        if (glob_is_literal(rows[i].pattern))
            assert_true((strcmp(rows[i].pattern, rows[i].text) == 0) == rows[i].matches);
    }
}

static void knows_with_which_byte_what_fits_begins(void **state)
{
    static const char *const rules[] = {"abc", "a*", "\\*b", "\\a", "\xc3\xa9*", "/usr/*"};
    static const char *const any[] = {"", "*a", "?a", "[a]b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++)
        assert_int_equal(glob_first(rules[i]), rules[i][rules[i][0] == '\\']);
    for (size_t i = 0; i < ARRAY_LENGTH(any); i++)
        assert_int_equal(glob_first(any[i]), '\0');
}

static void looks_at_no_byte_behind_the_length(void **state)
{
    (void)state;
    assert_true(glob_matches_bytes("LD_*", "LD_PRELOAD=x", 10));
    assert_true(glob_matches_bytes("ab", "abc", 2));
    assert_false(glob_matches_bytes("abc", "abc", 2));
}

static void refuses_what_has_no_meaning(void **state)
{
    static const char *const wrong[] = {"[", "[a", "a[]", "[!]", "\\", "a\\", "[a-"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_non_null(glob_check(wrong[i]));
}

/* A pattern that takes a backtracking matcher longer than anybody waits. */
static void takes_no_exponential_time(void **state)
{
    static char text[64 * 1024];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    assert_false(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_as_the_table_says),
        cmocka_unit_test(knows_with_which_byte_what_fits_begins),
        cmocka_unit_test(looks_at_no_byte_behind_the_length),
        cmocka_unit_test(refuses_what_has_no_meaning),
        cmocka_unit_test(takes_no_exponential_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
