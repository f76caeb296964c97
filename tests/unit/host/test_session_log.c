/* What the log of a session proves, and for which of its runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/host/session_engine.h"
#include "lib/host/session_log.h"

#define SESSION "aaaaaaaa"
#define BOOTED(time) \
    "{\"event\":\"boot-report\",\"time\":\"2026-01-02T03:04:" time "Z\",\"fields\":{}}\n"
#define SAVED(time, outcome)                                         \
    "{\"event\":\"shutdown-step\",\"time\":\"2026-01-02T03:04:" time \
    "Z\",\"fields\":{\"step\":\"git\",\"outcome\":\"" outcome "\"}}\n"

static void write_log(const char *text)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    assert_int_equal(session_state_directory(SESSION, directory, NULL), 0);
    assert_int_equal(path_make_directories(directory, 0700, NULL), 0);
    assert_int_equal(path_format(path, "%s/events.jsonl", directory), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static uint64_t at(const char *time)
{
    uint64_t result = 0;
    assert_int_equal(clock_parse(time, &result), 0);
    return result;
}

static void test_times(void **state)
{
    (void)state;
    char text[CLOCK_TIMESTAMP_SIZE];
    uint64_t time = at("2026-01-02T03:04:05.678901Z");
    clock_format(time, text);
    assert_string_equal(text, "2026-01-02T03:04:05.678901Z");
    assert_true(at("2026-01-02T03:04:05.678901234Z") == time + 234);
    assert_true(at("2026-01-02T03:04:05.5Z") < time);
    assert_true(at("2026-01-02T03:04:05Z") < at("2026-01-02T03:04:05.000000001Z"));
    static const char *const wrong[] = {"", "never", "0001-01-01T00:00:00Z", "2026-01-02T03:04:05",
                                        "2026-01-02T03:04:05+01:00"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(clock_parse(wrong[i], &time), -22);
}

static void test_the_last_run_counts(void **state)
{
    (void)state;
    uint64_t first = at("2026-01-02T03:04:00Z");
    uint64_t second = at("2026-01-02T03:04:30.1Z");
    write_log(BOOTED("01") SAVED("09", "down"));
    assert_true(session_log_is_saved(SESSION, first));
    assert_true(session_log_is_saved(SESSION, 0));
    /* A second run that no keeper heard of. */
    assert_false(session_log_is_saved(SESSION, second));
    write_log(BOOTED("01") SAVED("09", "down") BOOTED("31"));
    assert_false(session_log_is_saved(SESSION, second));
    write_log(BOOTED("01") SAVED("09", "down") BOOTED("31") SAVED("39", "down"));
    assert_true(session_log_is_saved(SESSION, second));
    write_log(BOOTED("01") SAVED("09", "failed"));
    assert_false(session_log_is_saved(SESSION, first));
}

static void test_a_skipped_save_has_nothing_to_save(void **state)
{
    (void)state;
    write_log(BOOTED("01") SAVED("09", "skipped"));
    assert_true(session_log_is_saved(SESSION, 0));
    write_log(BOOTED("01"));
    assert_false(session_log_is_saved(SESSION, 0));
}

static void test_an_end_before_the_last_start(void **state)
{
    (void)state;
    static char ended[] = "2026-01-02T03:04:05.678901Z";
    static char nothing[] = "";
    struct session_state session = {.ended_at = ended};
    struct engine_container container = {.started_at = "2026-01-02T03:04:05.678900999Z"};
    assert_false(session_engine_ran_again(&session, &container));
    container = (struct engine_container){.started_at = "2026-01-02T03:04:06Z"};
    assert_true(session_engine_ran_again(&session, &container));
    session.ended_at = nothing;
    assert_false(session_engine_ran_again(&session, &container));
}

int main(void)
{
    char directory[] = "/tmp/session-log-XXXXXX";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_the_last_run_counts),
        cmocka_unit_test(test_a_skipped_save_has_nothing_to_save),
        cmocka_unit_test(test_an_end_before_the_last_start),
    };
    if (mkdtemp(directory) == NULL || setenv("XDG_STATE_HOME", directory, 1) < 0)
        return 1;
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    (void)path_remove_tree(-1, directory, NULL);
    return result;
}
