/* The text of files that configure an agent: what is read, and what is taken apart again. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/agent_config.h"
#include "lib/wire/limits.h"
#include "tests/unit/wire/support.h"

static char place[PATH_MAX];
static int top = -1;

static int enter(void **state)
{
    (void)state;
    char path[PATH_MAX];
    support_directory_make(place);
    top = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    static const struct {
        const char *name;
        const char *data;
        size_t size;
    } files[] = {{"empty", "", 0}, {"script", "#!\n", 3}, {"zero", "a\0b", 3}};
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        assert_int_equal(path_format(path, "%s/%s", place, files[i].name), 0);
        support_write(path, files[i].data, files[i].size);
    }
    assert_int_equal(fchmodat(top, "script", 0700, 0), 0);
    assert_int_equal(symlinkat("script", top, "link"), 0);
    assert_int_equal(mkfifoat(top, "pipe", 0600), 0);
    assert_int_equal(mkdirat(top, "directory", 0700), 0);
    assert_int_equal(symlinkat(".", top, "around"), 0);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    close(top);
    support_directory_remove(place);
    return 0;
}

static void test_what_is_read_is_found_again(void **state)
{
    (void)state;
    static char empty[] = "empty", script[] = "script", zero[] = "zero";
    char *const paths[] = {empty, script, zero};
    struct agent_config_file file;
    struct error err = ERROR_INITIALIZER;
    cleanup_free char *text = NULL;
    size_t size = 0;
    size_t at = 0;
    assert_int_equal(agent_config_read(top, paths, 3, &text, &size, &err), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_true(agent_config_next(text, size, &at, &file));
        assert_string_equal(file.path, paths[i]);
        assert_int_equal(file.is_executable, i == 1);
    }
    assert_int_equal(file.size, 3);
    assert_memory_equal(file.data, "a\0b", 3);
    assert_false(agent_config_next(text, size, &at, &file));
    assert_int_equal(at, size);
    /* Whatever is cut off, nothing behind the end is taken. */
    for (size_t cut = 0; cut < size; cut++) {
        size_t count = 0;
        for (at = 0; agent_config_next(text, cut, &at, &file); count++)
            assert_true(file.data + file.size <= text + cut);
        assert_true(count < 3);
    }
}

static void test_what_is_no_file_is_refused(void **state)
{
    (void)state;
    static char link[] = "link", pipe[] = "pipe", directory[] = "directory",
                around[] = "around/script";
    const struct {
        char *path;
        const char *said;
    } cases[] = {{link, "'link' is a symbolic link"},
                 {around, "'around/script' is a symbolic link, or lies behind one"},
                 {pipe, "'pipe' is no plain file"},
                 {directory, "'directory' is no plain file"}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct error err = ERROR_INITIALIZER;
        char *text = NULL;
        size_t size;
        assert_int_equal(agent_config_read(top, &cases[i].path, 1, &text, &size, &err), -EINVAL);
        assert_null(text);
        if (strstr(error_text(&err), cases[i].said) == NULL)
            fail_msg("said '%s'", error_text(&err));
    }
}

static void test_texts_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"a\0-\0"
         "9\0x",
         7},
        {"a\0-\0x\0", 6},
        {"../a\0-\0"
         "0\0",
         9},
        {"a\0-\0"
         "-1\0",
         7},
        {"a\0-\0"
         "99999999999999999999999\0",
         27},
        {"a", 1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct agent_config_file file;
        size_t at = 0;
        assert_false(agent_config_next(cases[i].text, cases[i].size, &at, &file));
        assert_int_equal(at, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_read_is_found_again, enter, leave),
        cmocka_unit_test_setup_teardown(test_what_is_no_file_is_refused, enter, leave),
        cmocka_unit_test(test_texts_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
