/* Every short order of what may happen to PID 1, and many long ones: the invariants hold in all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/init/model_search.h"

/* Orders of this many happenings, all of them; with SOAK=1 deeper. */
#define DEPTH 5
#define DEPTH_SOAK 6
#define ROUNDS 20000
#define ROUNDS_SOAK 200000

static bool is_soaking(void)
{
    const char *value = getenv("SOAK");
    return value != NULL && strcmp(value, "1") == 0;
}

static void every_short_order(void **state)
{
    int depth = is_soaking() ? DEPTH_SOAK : DEPTH;
    (void)state;
    for (size_t i = 0; i < SEARCH_BEGINNINGS; i++) {
        struct search search = search_begin(i, depth);
        search_explore(&search);
        if (search.violation != NULL)
            search_report(&search);
        assert_null(search.violation);
        assert_true(search.orders > 1000);
        printf("%lu orders of up to %d happenings after %d\n", search.orders, depth,
               search_begin(i, 0).length);
    }
}

static void many_long_orders(void **state)
{
    struct search search = {0};
    const char *given = getenv("MODEL_SEED");
    unsigned int seed =
        given != NULL ? (unsigned int)strtoul(given, NULL, 10) : (unsigned int)time(NULL);
    int rounds = is_soaking() ? ROUNDS_SOAK : ROUNDS;
    (void)state;
    printf("MODEL_SEED=%u\n", seed);
    for (int i = 0; i < rounds && search.violation == NULL; i++)
        search_wander(&search, &seed);
    if (search.violation != NULL)
        search_report(&search);
    assert_null(search.violation);
    assert_true(search.orders > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_short_order),
        cmocka_unit_test(many_long_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
