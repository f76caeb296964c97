/* Files of environment variables. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/wire/limits.h"
#include "lib/wire/variables.h"

static int parse(const char *text, struct string_list *list, struct error *err)
{
    return variables_parse(text, strlen(text), list, err);
}

static void test_lines(void **state)
{
    (void)state;
    static const char *const expected[] = {"A=1", "_b2= 'x y' # z ", "EMPTY=", "URL=http://h/?a=b"};
    struct string_list list = {.items = NULL};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(
        parse("A=1\n\n# note\n_b2= 'x y' # z \nEMPTY=\nURL=http://h/?a=b", &list, &err), 0);
    assert_int_equal(list.count, ARRAY_LENGTH(expected));
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++)
        assert_string_equal(list.items[i], expected[i]);
    string_list_free(&list);
    assert_int_equal(parse("", &list, &err), 0);
    assert_int_equal(list.count, 0);
}

/* What stands there may be a secret: the message has the line's number only. */
static void test_what_is_no_variable(void **state)
{
    (void)state;
    static const char *const wrong[] = {"canary",          "=canary",   "1A=canary", "A B=canary",
                                        "export A=canary", " A=canary", "A-B=canary"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct string_list list = {.items = NULL};
        struct error err = ERROR_INITIALIZER;
        char text[64];
        snprintf(text, sizeof(text), "GOOD=1\n%s\n", wrong[i]);
        assert_int_equal(parse(text, &list, &err), -EINVAL);
        assert_string_equal(error_text(&err), "line 2 is not NAME=VALUE");
        string_list_free(&list);
    }
    struct string_list list = {.items = NULL};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(variables_parse("A=1\0B=2", 7, &list, &err), -EINVAL);
}

static void test_too_many(void **state)
{
    (void)state;
    static const char line[] = "A=1\n";
    char text[sizeof(line) * (LIMIT_VARIABLES + 1)] = "";
    struct string_list list = {.items = NULL};
    struct error err = ERROR_INITIALIZER;
    for (size_t i = 0; i <= LIMIT_VARIABLES; i++)
        memcpy(text + i * strlen(line), line, sizeof(line));
    assert_int_equal(parse(text, &list, &err), -EINVAL);
    string_list_free(&list);
    text[LIMIT_VARIABLES * strlen(line)] = '\0';
    assert_int_equal(parse(text, &list, &err), 0);
    assert_int_equal(list.count, LIMIT_VARIABLES);
    string_list_free(&list);
}

static void test_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/test_variables.XXXXXX";
    char path[PATH_MAX];
    char *text = NULL;
    struct error err = ERROR_INITIALIZER;
    static char large[LIMIT_VARIABLES_BYTES + 1];
    memset(large, '#', sizeof(large));
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/file", directory);
    assert_int_equal(variables_read(path, &text, &err), -ENOENT);
    assert_int_equal(fd_write_file(AT_FDCWD, path, "A=1\n", 4, 0600, &err), 0);
    assert_int_equal(variables_read(path, &text, &err), 0);
    assert_string_equal(text, "A=1\n");
    variables_free(text);
    text = NULL;
    assert_int_equal(fd_write_file(AT_FDCWD, path, large, sizeof(large), 0600, &err), 0);
    assert_int_equal(variables_read(path, &text, &err), -EFBIG);
    assert_null(text);
    unlink(path);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_what_is_no_variable),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
