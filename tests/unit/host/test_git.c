/* Host git runs as the repository's owner and takes no orders from the environment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/host/git.h"
#include "tests/unit/host/support.h"

static char top[PATH_MAX];
static struct git_identity identity;

static int enter(void **state)
{
    if (support_enter(state) != 0)
        return -1;
    support_shell("git init -q r && git -C r commit -q --allow-empty -m one && git init -q other");
    snprintf(top, sizeof(top), "%.4000s/r", support_directory);
    return git_identity_of(top, &identity, NULL);
}

static void test_reads_a_line(void **state)
{
    (void)state;
    char *line = NULL;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(git_read_line(top, &identity,
                                   (const char *const[]){"log", "-1", "--format=%s", NULL}, &line,
                                   &err),
                     0);
    assert_string_equal(line, "one");
    free(line);
}

static void test_failure_is_named(void **state)
{
    (void)state;
    struct process_result result = {.output = NULL};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(git_run_checked(top, &identity,
                                     (const char *const[]){"rev-parse", "--verify", "nope", NULL},
                                     0, &result, &err),
                     -EIO);
    assert_non_null(strstr(error_text(&err), "single revision"));
    assert_int_equal(git_run(top, &identity,
                             (const char *const[]){"rev-parse", "--verify", "nope", NULL}, 0,
                             &result, &err),
                     0);
    assert_int_equal(process_exit_code(result.wait_status), 128);
    process_result_free(&result);
}

static void test_output_limit(void **state)
{
    (void)state;
    struct process_result result = {.output = NULL};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(
        git_run(top, &identity, (const char *const[]){"help", "-a", NULL}, 100, &result, &err),
        -EFBIG);
}

static void test_environment_is_not_obeyed(void **state)
{
    (void)state;
    char *line = NULL;
    char other[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    snprintf(other, sizeof(other), "%.4000s/other/.git", support_directory);
    setenv("GIT_DIR", other, 1);
    setenv("GIT_CONFIG_COUNT", "1", 1);
    setenv("GIT_CONFIG_KEY_0", "alias.log", 1);
    setenv("GIT_CONFIG_VALUE_0", "!false", 1);
    int status =
        git_read_line(top, &identity,
                      (const char *const[]){"rev-parse", "--absolute-git-dir", NULL}, &line, &err);
    unsetenv("GIT_DIR");
    unsetenv("GIT_CONFIG_COUNT");
    assert_int_equal(status, 0);
    assert_memory_equal(line, top, strlen(top));
    free(line);
}

static void test_identity_of_the_owner(void **state)
{
    (void)state;
    char *line = NULL;
    struct error err = ERROR_INITIALIZER;
    if (geteuid() != 0)
        skip();
    assert_int_equal(identity.uid, 0);
    support_shell("chmod 755 . && chown -R 12345:23456 r");
    assert_int_equal(git_identity_of(top, &identity, &err), 0);
    assert_int_equal(identity.uid, 12345);
    assert_int_equal(identity.gid, 23456);
    assert_int_equal(identity.group_count, 0);
    assert_int_equal(
        git_read_line(top, &identity,
                      (const char *const[]){"-c", "alias.who=!id -u; id -g; id -G", "who", NULL},
                      &line, &err),
        0);
    assert_string_equal(line, "12345\n23456\n23456");
    free(line);
}

#define ON_REPOSITORY(name) cmocka_unit_test_setup_teardown(name, enter, support_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REPOSITORY(test_reads_a_line),          ON_REPOSITORY(test_failure_is_named),
        ON_REPOSITORY(test_output_limit),          ON_REPOSITORY(test_environment_is_not_obeyed),
        ON_REPOSITORY(test_identity_of_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
