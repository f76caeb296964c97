/* Escaping of what others wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/host/printable.h"

static void assert_printable(const char *bytes, size_t size, const char *expected)
{
    cleanup_free char *text = printable_text(bytes, size);
    assert_string_equal(text, expected);
}

#define PRINTABLE(bytes, expected) assert_printable(bytes, sizeof(bytes) - 1, expected)

static void test_text(void **state)
{
    (void)state;
    PRINTABLE("", "");
    PRINTABLE("plain text.c", "plain text.c");
    PRINTABLE("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7",
              "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7");
    PRINTABLE("a\\x1b", "a\\\\x1b");
    PRINTABLE("\x1b]0;t\x07", "\\x1b]0;t\\x07");
    PRINTABLE("a\nb\tc\r\x7f", "a\\x0ab\\x09c\\x0d\\x7f");
    PRINTABLE("a\0b", "a\\x00b");
}

static void assert_word(const char *text, const char *expected)
{
    cleanup_free char *word = printable_word(text);
    assert_string_equal(word, expected);
}

static void test_word(void **state)
{
    (void)state;
    assert_word("", "''");
    assert_word("plain-/.text_1", "plain-/.text_1");
    assert_word("a=b", "'a=b'");
    assert_word("a b", "'a b'");
    assert_word("~", "'~'");
    assert_word("[x]", "'[x]'");
    assert_word("$x`y`", "'$x`y`'");
    assert_word("it's", "'it'\\''s'");
    assert_word("'''", "''\\'''\\'''\\'''");
    assert_word("caf\xc3\xa9", "'caf\xc3\xa9'");
    assert_word("a\nb", "$'a\\x0ab'");
    assert_word("\xff'\\", "$'\\xff\\'\\\\'");
}

static void test_no_utf8(void **state)
{
    (void)state;
    PRINTABLE("\xff", "\\xff");
    PRINTABLE("\xc3", "\\xc3");
    PRINTABLE("\xc0\xaf", "\\xc0\\xaf");
    PRINTABLE("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    PRINTABLE("\xed\xa0\x80", "\\xed\\xa0\\x80");
    PRINTABLE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    PRINTABLE("\xe2\x82x", "\\xe2\\x82x");
    PRINTABLE("\x9b"
              "2J",
              "\\x9b2J");
}

static void test_hazards(void **state)
{
    (void)state;
    PRINTABLE("\xc2\x9b"
              "2J",
              "\\xc2\\x9b2J");
    PRINTABLE("a\xe2\x80\xae"
              "b",
              "a\\xe2\\x80\\xaeb");
    PRINTABLE("\xe2\x80\x8b", "\\xe2\\x80\\x8b");
    PRINTABLE("\xef\xbb\xbf", "\\xef\\xbb\\xbf");
    PRINTABLE("\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81");
    PRINTABLE("\xe2\x81\xa6", "\\xe2\\x81\\xa6");
    assert_false(printable_is_hazard('a'));
    assert_false(printable_is_hazard(0xa0));
}

static void test_last_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *line;
    } cases[] = {
        {"one\ntwo\n", "two"},
        {"one\ntwo\r\n\n", "two"},
        {"one", "one"},
        {"x\n\x1b[2J\n", "\\x1b[2J"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        cleanup_free char *line = printable_last_line(cases[i].text);
        assert_string_equal(line, cases[i].line);
    }
    assert_null(printable_last_line(""));
    assert_null(printable_last_line("\n \n"));
    assert_null(printable_last_line(NULL));
}

static void test_json_is_ascii(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    json_t *value = json_pack("{s:s}", "name", "\xc2\x9b\x1b\x7f\xe2\x80\xae");
    assert_int_equal(printable_json_dump(value, file), 0);
    fclose(file);
    json_decref(value);
    for (size_t i = 0; i < size; i++)
        assert_true(text[i] == '\n' || (text[i] >= ' ' && (unsigned char)text[i] <= 0x7f));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),      cmocka_unit_test(test_word),
        cmocka_unit_test(test_no_utf8),   cmocka_unit_test(test_hazards),
        cmocka_unit_test(test_last_line), cmocka_unit_test(test_json_is_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
