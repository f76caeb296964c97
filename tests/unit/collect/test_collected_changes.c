/* Parsing git's list of changed files, and picking those that run code. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host-shim/collect/changes.h"
#include "lib/base/cleanup.h"

#define OLD "1111111111111111111111111111111111111111"
#define NEW "2222222222222222222222222222222222222222"

static int parse(const char *output, size_t size, struct changes *changes)
{
    struct error err = ERROR_INITIALIZER;
    return changes_parse(output, size, changes, &err);
}

#define PARSE(output, changes) parse(output, sizeof(output) - 1, changes)

static void test_records(void **state)
{
    (void)state;
    struct changes changes;
    assert_int_equal(PARSE(":100644 100755 " OLD " " NEW " M\0a b\0:000000 100644 " OLD " " NEW
                           " A\0new\nline\0"
                           "3\t4\ta b\0-\t-\tnew\nline\0",
                           &changes),
                     0);
    assert_int_equal(changes.count, 2);
    assert_string_equal(changes.items[0].path, "a b");
    assert_int_equal(changes.items[0].old_mode, 0100644);
    assert_int_equal(changes.items[0].new_mode, 0100755);
    assert_string_equal(changes.items[0].new_object, NEW);
    assert_string_equal(changes.items[1].path, "new\nline");
    assert_int_equal(changes.added_lines, 3);
    assert_int_equal(changes.removed_lines, 4);
    assert_int_equal(changes.binary_files, 1);
    changes_free(&changes);
    assert_int_equal(PARSE("", &changes), 0);
    assert_int_equal(changes.count, 0);
}

static void test_nonsense(void **state)
{
    (void)state;
    static const struct {
        const char *output;
        size_t size;
    } cases[] = {
#define CASE(text) {text, sizeof(text) - 1}
        CASE(":100644 100755 " OLD " " NEW " M\0path"),
        CASE(":100644 100755 " OLD " " NEW " M\0"),
        CASE(":100644 100755 " OLD " " NEW " M\0\0"),
        CASE(":100644 100755 " OLD " " NEW " R100\0a\0b\0"),
        CASE(":100644 100755 " OLD " M\0path\0"),
        CASE(":1 2 3 4 5\0path\0"),
        CASE("x\ty\tz\0"),
        CASE("no terminator"),
#undef CASE
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct changes changes;
        if (parse(cases[i].output, cases[i].size, &changes) != -EPROTO)
            fail_msg("case %zu was accepted", i);
    }
}

static const char *why_of(const struct findings *findings, const char *path)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (strcmp(findings->items[i].path, path) == 0)
            return findings->items[i].why;
    }
    return NULL;
}

static void test_findings(void **state)
{
    (void)state;
    char pattern[] = "Makefile";
    char why[] = "make";
    struct auto_exec_rule rule = {.pattern = pattern, .why = why};
    const struct auto_exec_table table = {.rules = &rule, .count = 1};
    const struct git_identity identity = {.uid = 0};
    struct changes changes;
    struct findings findings;
    assert_int_equal(PARSE(":100644 100755 " OLD " " NEW " M\0turned\0"
                           ":100755 100755 " OLD " " NEW " M\0was\0"
                           ":000000 100755 " OLD " " NEW " A\0added\0"
                           ":000000 100644 " OLD " " NEW " A\0plain\0"
                           ":120000 100755 " OLD " " NEW " T\0retyped\0"
                           ":000000 160000 " OLD " " NEW " A\0module\0"
                           ":100644 000000 " OLD " " NEW " D\0Makefile\0"
                           ":100644 100644 " OLD " " NEW " M\0sub/Makefile\0",
                           &changes),
                     0);
    assert_int_equal(findings_collect("/", &identity, &changes, &table, &findings), 0);
    assert_string_equal(why_of(&findings, "turned"), "turned executable");
    assert_null(why_of(&findings, "was"));
    assert_string_equal(why_of(&findings, "added"), "new executable file");
    assert_null(why_of(&findings, "plain"));
    assert_string_equal(why_of(&findings, "retyped"), "turned executable");
    assert_non_null(why_of(&findings, "module"));
    assert_null(why_of(&findings, "Makefile"));
    assert_string_equal(why_of(&findings, "sub/Makefile"), "make");
    findings_free(&findings);
    changes_free(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
