/* What reaches the terminal of somebody who is connected to a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/host/screen_filter.h"

/* Filters INPUT in pieces of STEP bytes. */
static void assert_filtered(const char *input, size_t step, const char *expected)
{
    struct screen_filter filter = {.size = 0};
    char output[1024];
    size_t size = strlen(input);
    size_t used = 0;
    for (size_t at = 0; at < size; at += step) {
        size_t piece = size - at < step ? size - at : step;
        used += screen_filter_run(&filter, input + at, piece, output + used);
    }
    output[used] = '\0';
    assert_string_equal(output, expected);
}

static void assert_all(const char *const (*cases)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t step = 1; step < 8; step++)
            assert_filtered(cases[i][0], step, cases[i][1] == NULL ? cases[i][0] : cases[i][1]);
    }
}

/* NULL: all of it. */
static void test_a_screen_passes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"text\r\n\ttab\b\a\x0e\x0f", NULL},
        {"\x1b[2J\x1b[H\x1b[10;20H\x1b[K\x1b[1;24r\x1b[5X\x1b[3@\x1b[2P\x1b[L\x1b[M\x1b[4d", NULL},
        {"\x1b[38;2;10;20;30;48;5;7m\x1b[4:3m\x1b[m", NULL},
        {"\x1b[?1049h\x1b[?25l\x1b[?1;2004h\x1b[?1000;1002;1006l\x1b[4h\x1b[34l", NULL},
        {"\x1b(B\x1b)0\x1b=\x1b>\x1b"
         "7\x1b"
         "8\x1bM\x1b"
         "D\x1b"
         "E\x1bH",
         NULL},
        {"\x1b[2 q\x1b[!p\x1b[>4;2m\x1b[?J", NULL},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7", NULL},
    };
    assert_all(cases, ARRAY_LENGTH(cases));
}

static void test_orders_and_questions_do_not(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        /* Titles and the clipboard, ended by ST or BEL. */
        {"a\x1b]0;title\a"
         "b",
         "ab"},
        {"a\x1b]52;c;AAAA\x1b\\b", "ab"},
        {"a\x1bktitle\x1b\\b", "ab"},
        /* DCS, APC, PM, SOS. */
        {"a\x1bP$qm\x1b\\b", "ab"},
        {"a\x1bPtmux;\x1b\x1b]52;c;AAAA\a\x1b\\b", "ab"},
        {"a\x1b_x\x1b\\b\x1b^y\x1b\\c\x1bXz\x1b\\d", "abcd"},
        /* What a terminal answers by typing. */
        {"\x1b[c\x1b[>c\x1b[=c\x1b[0c\x1b[5n\x1b[6n\x1b[?6n\x1b[>q\x1b[?25$p\x1b[4$p\x1b[21t\x1b["
         "18t",
         ""},
        {"\x1b[?1;1;0S\x1b[x\x1b[1*y\x1b[?4m\x1b[?u\x1bZ\x05", ""},
        /* Printing, a locked keyboard, resets, modes nobody draws with. */
        {"\x1b[5i\x1b[2h\x1b[12l\x1b[20h\x1b[?3h\x1b[?1049;3h\x1b[?h\x1b[?9999h\x1b"
         "c\x1b#8",
         ""},
        /* Controls of eight bits, as UTF-8 and bare; broken UTF-8. */
        {"\xc2\x9b"
         "6n",
         "6n"},
        {"\x9b"
         "6n\xff",
         "?6n?"},
        {"\xe2\x82x\xed\xa0\x80", "?x"},
        /* One begun inside another, one that is cancelled, one that is too long. */
        {"\x1b[3\x1b[6n\x1b[1mx", "\x1b[1mx"},
        {"\x1b]0;a\x18x\x1b[6\x18x", "xx"},
        {"\x1b[1111111111111111111111111111111111111111111111111111111111111111111111m.", "."},
        {"\x7f\x11\x13.", "."},
    };
    assert_all(cases, ARRAY_LENGTH(cases));
}

static void test_the_end_takes_modes_back(void **state)
{
    (void)state;
    struct screen_filter filter = {.size = 0};
    char output[SCREEN_FILTER_RESET_SIZE];
    size_t size = screen_filter_finish(&filter, output);
    assert_true(size < sizeof(output));
    assert_null(strstr(output, "\x1b[?1049l"));
    (void)screen_filter_run(&filter, "\x1b[?1049h", 8, output);
    (void)screen_filter_finish(&filter, output);
    assert_non_null(strstr(output, "\x1b[?1049l"));
    assert_non_null(strstr(output, "\x1b[?1003l"));
    (void)screen_filter_run(&filter, "\x1b[?1049h\x1b[?1049l", 16, output);
    (void)screen_filter_finish(&filter, output);
    assert_null(strstr(output, "\x1b[?1049l"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_screen_passes),
        cmocka_unit_test(test_orders_and_questions_do_not),
        cmocka_unit_test(test_the_end_takes_modes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
