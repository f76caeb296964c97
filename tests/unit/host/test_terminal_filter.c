/* What reaches a terminal that shows the output of a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/host/terminal_filter.h"

/* Filters INPUT in pieces of STEP bytes. */
static void assert_filtered(const char *input, size_t size, size_t step, const char *expected)
{
    struct terminal_filter filter = {.pending_size = 0};
    char output[4096];
    size_t used = 0;
    for (size_t at = 0; at < size; at += step) {
        size_t piece = size - at < step ? size - at : step;
        used += terminal_filter_run(&filter, input + at, piece, output + used);
    }
    used += terminal_filter_finish(&filter, output + used);
    output[used] = '\0';
    assert_string_equal(output, expected);
}

static void test_sequences(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        const char *expected;
    } cases[] = {
        {"plain\r\nlines\tand tabs\n", "plain\r\nlines\tand tabs\n"},
        {"\x1b[31;1mred\x1b[0m\x1b[m", "\x1b[31;1mred\x1b[0m\x1b[m"},
        {"\x1b[2J", "\\x1b[2J"},
        {"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
        {"\x1b]52;c;AAAA\x1b\\", "\\x1b]52;c;AAAA\\x1b\\"},
        {"\x1b[31\x1b[2J", "\\x1b[31\\x1b[2J"},
        {"\xc2\x9b"
         "2J",
         "\\xc2\\x9b2J"},
        {"\x9b"
         "2J",
         "\\x9b2J"},
        {"\xe2\x82\xac \xf0\x9f\x90\xa7", "\xe2\x82\xac \xf0\x9f\x90\xa7"},
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"},
        {"\x1b", "\\x1b"},
        {"\x1b[11111111111111111111111111111111111m", "\\x1b[11111111111111111111111111111111111m"},
        {"5%\b\b10%", "5%\b\b10%"},
        {"\x05\x1bZ\x1b[c", "\\x05\\x1bZ\\x1b[c"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        for (size_t step = 1; step < 8; step++)
            assert_filtered(cases[i].input, strlen(cases[i].input), step, cases[i].expected);
    }
}

static void test_binary_noise(void **state)
{
    (void)state;
    struct terminal_filter filter = {.pending_size = 0};
    unsigned int seed = 1;
    for (int round = 0; round < 2000; round++) {
        unsigned char input[97];
        char output[TERMINAL_FILTER_OUTPUT(sizeof(input))];
        for (size_t i = 0; i < sizeof(input); i++) {
            seed = seed * 1103515245u + 12345u;
            input[i] = (seed >> 16) % 3 == 0 ? 0x1b : (unsigned char)(seed >> 20);
        }
        size_t size = terminal_filter_run(&filter, input, sizeof(input), output);
        assert_true(size <= sizeof(output));
        for (size_t i = 0; i + 1 < size; i++) {
            if (output[i] == 0x1b)
                assert_int_equal(output[i + 1], '[');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_binary_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
