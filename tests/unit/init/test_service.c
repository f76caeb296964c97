/* The rules about services: what is malformed, who may start and stop, what an end means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "init/machine/service.h"
#include "lib/base/clock.h"

#define MS CLOCK_NANOSECONDS_PER_MILLISECOND

static struct service services[3];
static struct init_service row;

static int set_up(void **state)
{
    (void)state;
    memset(services, 0, sizeof(services));
    row = (struct init_service){.name = "web",
                                .argument_count = 2,
                                .environment_count = 1,
                                .strings_size = sizeof("/bin/web\0--all\0A=1")};
    memcpy(row.strings, "/bin/web\0--all\0A=1", row.strings_size);
    return 0;
}

static void a_good_row_is_taken(void **state)
{
    (void)state;
    const char *pointers[8];
    assert_null(service_load(services, 0, &row));
    assert_int_equal(services[0].state, INIT_STATE_WAITING);
    static const char *const extra[] = {"NOTIFY_FD=3", NULL};
    const char *const *environment = service_unpack(&services[0], extra, pointers);
    assert_string_equal(pointers[0], "/bin/web");
    assert_string_equal(pointers[1], "--all");
    assert_null(pointers[2]);
    assert_string_equal(environment[0], "A=1");
    assert_string_equal(environment[1], "NOTIFY_FD=3");
    assert_null(environment[2]);
    environment = service_unpack(&services[0], extra + 1, pointers);
    assert_null(environment[1]);
}

static void refuse(void (*spoil)(void), const char *fault)
{
    set_up(NULL);
    assert_null(service_load(services, 1, &row)); /* the control */
    set_up(NULL);
    assert_null(service_load(services, 0, &row));
    snprintf(row.name, sizeof(row.name), "other");
    spoil();
    const char *found = service_load(services, 1, &row);
    assert_non_null(found);
    assert_non_null(strstr(found, fault));
}

static void spoil_name(void)
{
    memset(row.name, 'x', sizeof(row.name));
}
static void spoil_empty_name(void)
{
    row.name[0] = '\0';
}
static void spoil_no_arguments(void)
{
    row.argument_count = 0;
}
static void spoil_count(void)
{
    row.environment_count = 2;
}
static void spoil_size(void)
{
    row.strings_size = UINT32_MAX;
}
static void spoil_end(void)
{
    row.strings[row.strings_size - 1] = 'x';
}
static void spoil_dependency_count(void)
{
    row.dependency_count = 255;
}
static void spoil_self_dependency(void)
{
    row.dependency_count = 1;
    row.dependencies[0] = 1;
}
static void spoil_later_dependency(void)
{
    row.dependency_count = 1;
    row.dependencies[0] = 63;
}

static void spoil_letter(void)
{
    row.name[0] = '\n';
}
static void spoil_double(void)
{
    snprintf(row.name, sizeof(row.name), "web");
}
static void spoil_store(void)
{
    row.store_max = INIT_FDS_MAX + 1;
}

static void malformed_rows_are_refused(void **state)
{
    (void)state;
    refuse(spoil_name, "a name that is none");
    refuse(spoil_empty_name, "a name that is none");
    refuse(spoil_no_arguments, "malformed command");
    refuse(spoil_count, "malformed command");
    refuse(spoil_size, "malformed command");
    refuse(spoil_end, "malformed command");
    refuse(spoil_dependency_count, "too many dependencies");
    refuse(spoil_self_dependency, "cycle");
    refuse(spoil_later_dependency, "cycle");
    refuse(spoil_letter, "a name that is none");
    refuse(spoil_double, "described twice");
    refuse(spoil_store, "more descriptors");
}

/* 2 depends on 1, 1 on 0. */
static void load_chain(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        row.dependency_count = i > 0;
        row.dependencies[0] = (uint8_t)(i - 1);
        snprintf(row.name, sizeof(row.name), "service-%u", i);
        assert_null(service_load(services, i, &row));
    }
}

static void dependencies_decide_the_start(void **state)
{
    (void)state;
    load_chain();
    assert_int_equal(service_judge_start(services, 0), SERVICE_START);
    assert_int_equal(service_judge_start(services, 1), SERVICE_EVENT_COUNT);
    services[0].state = INIT_STATE_STARTING;
    assert_int_equal(service_judge_start(services, 1), SERVICE_EVENT_COUNT);
    services[0].state = INIT_STATE_READY;
    assert_int_equal(service_judge_start(services, 1), SERVICE_START);
    services[0].state = INIT_STATE_EXITED; /* a task that is done */
    services[0].last_wait_status = 0;
    assert_int_equal(service_judge_start(services, 1), SERVICE_START);
    services[0].last_wait_status = 256;
    assert_int_equal(service_judge_start(services, 1), SERVICE_FAIL);
    services[0].state = INIT_STATE_FAILED;
    assert_int_equal(service_judge_start(services, 1), SERVICE_FAIL);
}

static void dependents_stop_first(void **state)
{
    (void)state;
    load_chain();
    for (int i = 0; i < 3; i++)
        services[i].state = INIT_STATE_READY;
    assert_false(service_may_stop(services, 3, 0));
    assert_false(service_may_stop(services, 3, 1));
    assert_true(service_may_stop(services, 3, 2));
    services[2].state = INIT_STATE_STOPPING;
    assert_false(service_may_stop(services, 3, 1));
    services[2].state = INIT_STATE_EXITED;
    assert_true(service_may_stop(services, 3, 1));
}

static void restarts_back_off_up_to_the_limit(void **state)
{
    (void)state;
    static const uint32_t delays[] = {100, 200, 400, 500, 500};
    row.flags = INIT_SERVICE_RESTART;
    row.restart_limit = 5;
    row.restart_window_ms = 60000;
    row.backoff_ms = 100;
    row.backoff_max_ms = 500;
    assert_null(service_load(services, 0, &row));
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(service_judge_end(&services[0], 256, (1000 + i) * MS, false),
                         SERVICE_RETRY);
        assert_int_equal(services[0].delay_ms, delays[i]);
    }
    assert_int_equal(service_judge_end(&services[0], 256, 1010 * MS, false), SERVICE_FAIL);
    /* After the window it is as on the first day. */
    assert_int_equal(service_judge_end(&services[0], 256, 70000 * MS, false), SERVICE_RETRY);
    assert_int_equal(services[0].delay_ms, 100);
}

static void an_end_means_what_the_row_says(void **state)
{
    (void)state;
    assert_null(service_load(services, 0, &row));
    assert_int_equal(service_judge_end(&services[0], 0, MS, false), SERVICE_END);
    assert_int_equal(service_judge_end(&services[0], 256, MS, false), SERVICE_FAIL);
    assert_int_equal(service_judge_end(&services[0], 256, MS, true), SERVICE_END);
    services[0].is_stop_wanted = true;
    assert_int_equal(service_judge_end(&services[0], 15, MS, false), SERVICE_END);
    services[0].is_stop_wanted = false;
    services[0].is_restart_wanted = true;
    assert_int_equal(service_judge_end(&services[0], 15, MS, false), SERVICE_RETRY);
    assert_int_equal(services[0].delay_ms, 0);
    services[0].is_restart_wanted = false;
    services[0].is_timed_out =
        true; /* stopped for that, it ends well, and has failed all the same */
    assert_int_equal(service_judge_end(&services[0], 0, MS, false), SERVICE_FAIL);
    services[0].row.flags = INIT_SERVICE_MAIN | INIT_SERVICE_RESTART;
    assert_int_equal(service_judge_end(&services[0], 256, MS, false), SERVICE_END);
}

static void what_is_stored_is_found_by_its_name(void **state)
{
    (void)state;
    assert_null(service_load(services, 0, &row));
    assert_int_equal(service_find_stored(&services[0], "a"), 0);
    services[0].stored_count = 2;
    memcpy(services[0].stored_names[0], "a", 2);
    memcpy(services[0].stored_names[1], "b.sock", 7);
    assert_int_equal(service_find_stored(&services[0], "a"), 0);
    assert_int_equal(service_find_stored(&services[0], "b.sock"), 1);
    assert_int_equal(service_find_stored(&services[0], "b"), 2);
}

static void a_name_is_short_and_plain(void **state)
{
    (void)state;
    char name[INIT_NAME_SIZE] = {0};
    assert_false(service_is_name(name));
    memset(name, 'x', sizeof(name) - 1);
    assert_true(service_is_name(name));
    name[sizeof(name) - 1] = 'x';
    assert_false(service_is_name(name));
    static const char *const bad[] = {"a:b", "a b", "a\n", "a/b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(name, 0, sizeof(name));
        memcpy(name, bad[i], strlen(bad[i]));
        assert_false(service_is_name(name));
    }
    assert_true(service_is_name("Ab-1._\0----------------------------"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_row_is_taken, set_up),
        cmocka_unit_test_setup(malformed_rows_are_refused, set_up),
        cmocka_unit_test_setup(dependencies_decide_the_start, set_up),
        cmocka_unit_test_setup(dependents_stop_first, set_up),
        cmocka_unit_test_setup(restarts_back_off_up_to_the_limit, set_up),
        cmocka_unit_test_setup(an_end_means_what_the_row_says, set_up),
        cmocka_unit_test_setup(what_is_stored_is_found_by_its_name, set_up),
        cmocka_unit_test_setup(a_name_is_short_and_plain, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
