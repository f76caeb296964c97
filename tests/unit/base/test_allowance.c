/* So much at once, then as much as time brings, to the nanosecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/allowance.h"

#define EACH UINT64_C(1000)

/* How many can be had at NOW. */
static unsigned int take_all(struct allowance *allowance, uint64_t now)
{
    unsigned int count = 0;
    while (allowance_take(allowance, now))
        count++;
    return count;
}

static void gives_so_many_at_once_and_no_more(void **state)
{
    struct allowance allowance;
    (void)state;
    /* On a machine that has just started, too: its clock is less than what is saved. */
    for (uint64_t now = 0; now < 3; now++) {
        allowance_open(&allowance, 7, EACH, now);
        assert_int_equal(take_all(&allowance, now), 7);
        assert_false(allowance_take(&allowance, now));
    }
}

static void gives_what_time_brings_and_loses_none_of_it(void **state)
{
    struct allowance allowance;
    uint64_t now = 5;
    (void)state;
    allowance_open(&allowance, 2, EACH, now);
    assert_int_equal(take_all(&allowance, now), 2);
    assert_false(allowance_take(&allowance, now + EACH - 1));
    assert_true(allowance_take(&allowance, now + EACH));
    /* Asked ever so often, nothing of the time in between is dropped. */
    unsigned int count = 0;
    for (uint64_t i = 1; i <= 10 * EACH; i++)
        count += allowance_take(&allowance, now + EACH + i) ? 1 : 0;
    assert_int_equal(count, 10);
}

static void saves_no_more_than_it_began_with(void **state)
{
    struct allowance allowance;
    (void)state;
    allowance_open(&allowance, 3, EACH, 1);
    assert_int_equal(take_all(&allowance, 100 * EACH), 3);
    assert_int_equal(take_all(&allowance, 102 * EACH), 2);
    assert_int_equal(take_all(&allowance, UINT64_MAX), 3);
}

static void gives_nothing_where_there_is_nothing(void **state)
{
    struct allowance allowance;
    (void)state;
    allowance_open(&allowance, 0, EACH, 0);
    assert_false(allowance_take(&allowance, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_so_many_at_once_and_no_more),
        cmocka_unit_test(gives_what_time_brings_and_loses_none_of_it),
        cmocka_unit_test(saves_no_more_than_it_began_with),
        cmocka_unit_test(gives_nothing_where_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
