/* Parsing of command lines by the table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host-shim/commands/command.h"
#include "lib/base/cleanup.h"

static int parse(const char *name, const char *const *words, struct command_line *line,
                 struct error *err)
{
    static char copies[16][64];
    static char *argv[16];
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    return command_parse(name, argc, argv, line, err);
}

#define PARSE(name, ...) parse(name, (const char *const[]){name, __VA_ARGS__, NULL}, &line, &err)

static void test_options(void **state)
{
    (void)state;
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(PARSE("logs", "--tail=5", "abcdefgh", "--follow"), 0);
    assert_string_equal(command_value(&line, "tail"), "5");
    assert_true(command_has(&line, "follow"));
    assert_false(command_has(&line, "raw"));
    assert_int_equal(line.argument_count, 1);
    assert_string_equal(line.arguments[0], "abcdefgh");
    assert_int_equal(PARSE("logs", "--tail", "7", "--", "--follow"), 0);
    assert_string_equal(command_value(&line, "tail"), "7");
    assert_false(command_has(&line, "follow"));
    assert_string_equal(line.arguments[0], "--follow");
    assert_int_equal(PARSE("kill", "a", "b", "c"), 0);
    assert_int_equal(line.argument_count, 3);
}

static void test_refusals(void **state)
{
    (void)state;
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    static const struct {
        const char *name;
        const char *words[4];
        const char *said;
    } cases[] = {
        {"logs", {"logs", "--nope", "x"}, "--nope"},
        {"logs", {"logs", "-f", "x"}, "-f"},
        {"logs", {"logs", "--follow=1", "x"}, "takes no value"},
        {"logs", {"logs", "x", "--tail"}, "wants a value"},
        {"logs", {"logs"}, "missing"},
        {"logs", {"logs", "x", "y"}, "'y' is one argument too many"},
        {"list", {"list", "x"}, "'x' is one argument too many"},
        {"kill", {"kill"}, "missing"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(parse(cases[i].name, cases[i].words, &line, &err), -EINVAL);
        if (strstr(error_text(&err), cases[i].said) == NULL)
            fail_msg("'%s' does not say '%s'", error_text(&err), cases[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
