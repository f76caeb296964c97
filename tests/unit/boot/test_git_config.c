/* What git_config writes, real git reads back unchanged; what is no key is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/agent-boot/git_config.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"

static void assert_round_trip(const char *key, const char *value)
{
    struct git_config config = {.text = NULL};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(git_config_add(&config, key, value, &err), 0);
    char path[] = "/tmp/git-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, config.text, config.size), 0);
    close(fd);
    const char *argv[] = {"git", "config", "--null", "--file", path, "--get", key, NULL};
    struct process_spec spec = {
        .argv = argv, .standard_input = -1, .standard_output = -1, .standard_error = STDERR_FILENO};
    struct process_result result;
    assert_int_equal(process_run(&spec, &result, &err), 0);
    assert_int_equal(process_exit_code(result.wait_status), 0);
    assert_string_equal(result.output, value);
    assert_int_equal(result.output_size, strlen(value) + 1);
    process_result_free(&result);
    unlink(path);
    free(config.text);
}

static void test_values_survive(void **state)
{
    (void)state;
    static const char *const values[] = {
        "plain",
        "",
        " leading and trailing ",
        "quote\" back\\slash",
        "line\nline",
        "tab\tbell\b",
        "# ; not a comment",
        "caf\xc3\xa9",
        "$(touch /tmp/never) `id`",
        "true\\",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
        assert_round_trip("user.name", values[i]);
}

static void test_subsections_survive(void **state)
{
    (void)state;
    assert_round_trip("remote.origin.url", "https://example.com/a b.git");
    assert_round_trip("branch.feature/with.dots.merge", "refs/heads/x");
    assert_round_trip("submodule.a \"quoted\" \\name.url", "../sub");
}

static void test_what_is_no_key_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "",
        "user",
        "user.",
        ".name",
        "us er.name",
        "user.na_me",
        "user.name\n[core]\nhooksPath",
        "remote.a\nb.url",
        "1user.name",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        struct git_config config = {.text = NULL};
        struct error err = ERROR_INITIALIZER;
        assert_int_equal(git_config_add(&config, keys[i], "x", &err), -EINVAL);
        assert_true(err.message[0] != '\0');
        free(config.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_survive),
        cmocka_unit_test(test_subsections_survive),
        cmocka_unit_test(test_what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
