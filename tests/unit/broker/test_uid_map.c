/* The map of a container's uids: what the kernel writes, and what it never would. */
#include "lib/base/cleanup.h"
#include "lib/host/uid_map.h"
#include "tests/unit/wire/support.h"

static void translates_as_the_kernel_does(void **state)
{
    (void)state;
    struct uid_map map;
    assert_int_equal(uid_map_parse("         0          0 4294967295\n", &map), 0);
    assert_int_equal(uid_map_inside(&map, 10001), 10001);
    assert_int_equal(uid_map_parse("0 1000 1\n1 100000 65536\n", &map), 0);
    assert_int_equal(uid_map_inside(&map, 1000), 0);
    assert_int_equal(uid_map_inside(&map, 110000), 10001);
    assert_int_equal(uid_map_inside(&map, 999), UID_MAP_NOBODY);
    assert_int_equal(uid_map_inside(&map, 165536), UID_MAP_NOBODY);
}

static void refuses_what_is_no_map(void **state)
{
    (void)state;
    struct uid_map map;
    static const char *const texts[] = {
        "", "\n", "0 0\n", "0 0 1", "a 0 1\n", "0 0 1 2\n", "0 0 99999999999\n", "-1 0 1\n"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_true(uid_map_parse(texts[i], &map) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translates_as_the_kernel_does),
        cmocka_unit_test(refuses_what_is_no_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
