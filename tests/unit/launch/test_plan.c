/* Limits, identities and quoting: the small pure functions of the plan. */
#include "host-shim/launch/plan.h"
#include "tests/unit/host/support.h"

static void test_csv_fields(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        const char *quoted;
    } cases[] = {
        {"source=/plain/path", "source=/plain/path"},
        {"source=/a b", "source=/a b"},
        {"source=/a,b", "\"source=/a,b\""},
        {"source=/a\"b", "\"source=/a\"\"b\""},
        {"source=/a\nb", "\"source=/a\nb\""},
        {"\"", "\"\"\"\""},
        {"", "\"\""},
    };
    struct string_list list = {.items = NULL};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(run_plan_csv_field(cases[i].field, &list), cases[i].quoted);
    string_list_free(&list);
}

static void test_limits(void **state)
{
    (void)state;
    struct run_plan plan = {.pids = 0};
    struct error err = ERROR_INITIALIZER;
    const struct engine_facts small = {.cpus = 2, .memory_bytes = 4ull << 30};
    const struct engine_facts large = {.cpus = 64, .memory_bytes = 256ull << 30};
    struct launch_options options = {.milli_cpus = 0};
    assert_int_equal(plan_limits(&options, &small, &plan, &err), 0);
    assert_int_equal(plan.milli_cpus, 2000);
    assert_true(plan.memory_bytes == 4ull << 30);
    assert_int_equal(plan.pids, 4096);
    assert_int_equal(plan_limits(&options, &large, &plan, &err), 0);
    assert_int_equal(plan.milli_cpus, 4000);
    assert_true(plan.memory_bytes == 8ull << 30);
    options.milli_cpus = 2001;
    assert_int_equal(plan_limits(&options, &small, &plan, &err), -EINVAL);
    options = (struct launch_options){.memory_bytes = (4ull << 30) + 1};
    assert_int_equal(plan_limits(&options, &small, &plan, &err), -EINVAL);
}

/* Whom the container sees where the host has a user. */
static void test_identities(void **state)
{
    (void)state;
    const struct engine_facts plain = {.container_root_uid = 0};
    const struct engine_facts rootless = {.is_rootless = true, .container_root_uid = 1000};
    const struct engine_facts remapped = {.has_userns_remap = true, .container_root_uid = 165536};
    assert_int_equal(plan_container_id(&plain, 1000), 1000);
    assert_int_equal(plan_container_id(&rootless, 1000), 0);
    assert_int_equal(plan_container_id(&rootless, 1001), 65534);
    assert_int_equal(plan_container_id(&remapped, 1000), 65534);
    assert_int_equal(plan_container_id(&remapped, 165536), 0);
    assert_int_equal(plan_container_id(&remapped, 165536 + 65535), 65535);
    assert_int_equal(plan_container_id(&remapped, 165536 + 65536), 65534);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_fields),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_identities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
