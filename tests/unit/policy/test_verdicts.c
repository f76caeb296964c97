/* The shipped policy on a table of commands, evasions among them. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy/support.h"

static void check_rows(const char *key)
{
    struct policy *policy = support_load(SUPPORT_SHIPPED, "shell");
    json_t *rows = support_verdicts(key);
    const json_t *row;
    size_t wrong = 0;
    size_t index;

    json_array_foreach(rows, index, row)
    {
        char said[256];

        if (support_row_holds(policy, row, said))
            continue;
        char *text = json_dumps(row, 0);

        print_error("%s[%zu]: %s: is %s\n", key, index, text, said);
        free(text);
        wrong++;
    }
    json_decref(rows);
    policy_free(policy);
    assert_int_equal(wrong, 0);
}

static void says_what_the_table_says(void **state)
{
    (void)state;
    check_rows("seen");
}

/* What a shell would not even run, or not here: the reader is the stricter one. */
static void is_stricter_than_a_shell(void **state)
{
    (void)state;
    check_rows("seen_anyway");
}

static void does_not_see_what_the_manual_says_it_does_not(void **state)
{
    (void)state;
    check_rows("not_seen");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_table_says),
        cmocka_unit_test(is_stricter_than_a_shell),
        cmocka_unit_test(does_not_see_what_the_manual_says_it_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
