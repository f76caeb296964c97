/* Removing trees: never through a link, whatever stands in the way, however deep. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/path.h"

struct fixture {
    char directory[64];
    char outside[PATH_MAX];
    char victim[PATH_MAX];
    char top[PATH_MAX];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/path-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    assert_int_equal(path_format(fixture->outside, "%s/outside", fixture->directory), 0);
    assert_int_equal(path_format(fixture->victim, "%s/outside/victim", fixture->directory), 0);
    assert_int_equal(path_format(fixture->top, "%s/top", fixture->directory), 0);
    assert_int_equal(mkdir(fixture->outside, 0700), 0);
    assert_int_equal(close(creat(fixture->victim, 0600)), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    int result = path_remove_tree(AT_FDCWD, fixture->directory, NULL);
    free(fixture);
    return result;
}

static void test_a_top_that_is_a_link_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(symlink(fixture->outside, fixture->top), 0);
    assert_int_equal(path_remove_contents(fixture->top, &err), -ENOTDIR);
    assert_int_equal(access(fixture->victim, F_OK), 0);
    /* The control: the same directory by its own name is emptied. */
    assert_int_equal(path_remove_contents(fixture->outside, &err), 0);
    assert_int_equal(access(fixture->victim, F_OK), -1);
    assert_int_equal(access(fixture->outside, F_OK), 0);
}

static void test_a_tree_that_is_a_link_is_removed_as_one(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(symlink(fixture->outside, fixture->top), 0);
    assert_int_equal(path_remove_tree(AT_FDCWD, fixture->top, &err), 0);
    assert_int_equal(access(fixture->victim, F_OK), 0);
}

static void test_links_below_are_removed_and_not_followed(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(mkdir(fixture->top, 0700), 0);
    int top = open(fixture->top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(top, "sealed", 0700), 0);
    assert_int_equal(symlinkat(fixture->outside, top, "link"), 0);
    assert_int_equal(symlinkat(fixture->outside, top, "sealed/link"), 0);
    assert_int_equal(fchmodat(top, "sealed", 0, 0), 0);
    assert_int_equal(path_remove_contents(fixture->top, &err), 0);
    assert_int_equal(faccessat(top, "link", F_OK, AT_SYMLINK_NOFOLLOW), -1);
    assert_int_equal(faccessat(top, "sealed", F_OK, 0), -1);
    assert_int_equal(access(fixture->victim, F_OK), 0);
    close(top);
}

static void test_what_is_missing_is_empty(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(path_remove_contents(fixture->top, NULL), 0);
    assert_int_equal(path_remove_tree(AT_FDCWD, fixture->top, NULL), 0);
}

int main(void)
{
#define with_trees(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        with_trees(test_a_top_that_is_a_link_is_refused),
        with_trees(test_a_tree_that_is_a_link_is_removed_as_one),
        with_trees(test_links_below_are_removed_and_not_followed),
        with_trees(test_what_is_missing_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
