/* Lines about commands that ask, for people who do something else. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/ask_banner.h"
#include "lib/host/ask_line.h"
#include "tests/unit/host/support.h"

static json_t *make_ask(const char *argument)
{
    return json_pack("{s:i, s:{s:[s,s], s:s, s:s}}", "ask", 3, "fields", "argv", "npm", argument,
                     "rule", "publish", "reason", "people publish");
}

static char *line_of(const char *name, const char *argument)
{
    json_t *ask = make_ask(argument);
    char *line = ask_line("abcdefgh", name, ask);
    json_decref(ask);
    assert_non_null(line);
    return line;
}

static void says_what_asks_and_how_to_answer(void **state)
{
    (void)state;
    cleanup_free char *named = line_of("mine", "publish");
    assert_string_equal(named, "session mine asks, coding-agents approve abcdefgh-3 or deny "
                               "abcdefgh-3: npm publish (rule publish: people publish)");
    cleanup_free char *plain = line_of(NULL, "a b");
    assert_string_equal(plain,
                        "asks, coding-agents approve abcdefgh-3 or deny abcdefgh-3: npm 'a b' "
                        "(rule publish: people publish)");
}

static void is_safe_for_a_terminal(void **state)
{
    (void)state;
    cleanup_free char *line = line_of("\x1b[2J", "\x1b]0;x\x07\n");
    for (const char *at = line; *at != '\0'; at++)
        assert_true((unsigned char)*at >= ' ');
    char argument[1024];
    memset(argument, 'x', sizeof(argument) - 1);
    argument[sizeof(argument) - 1] = '\0';
    cleanup_free char *longer = line_of("mine", argument);
    assert_true(strlen(longer) < 400);
    assert_non_null(strstr(longer, ": npm ... (rule"));
}

static void draws_one_line_of_the_terminal(void **state)
{
    (void)state;
    static struct ask_banner banner = {.client.fd = -1, .text = "asks, more than fits"};
    const struct winsize size = {.ws_row = 24, .ws_col = 10};
    const struct winsize none = {.ws_row = 0, .ws_col = 0};
    const struct winsize huge = {.ws_row = 65535, .ws_col = 65535};
    char output[ASK_BANNER_SIZE];
    size_t length = ask_banner_draw(&banner, &size, output);
    output[length] = '\0';
    assert_string_equal(output, "\0337\033[24;1H\033(B\033[0;7masks, more\033[0m\0338");
    assert_int_equal(ask_banner_draw(&banner, &none, output), 0);
    assert_in_range(ask_banner_draw(&banner, &huge, output), 1, ASK_BANNER_SIZE - 1);
    banner.text[0] = '\0';
    assert_int_equal(ask_banner_draw(&banner, &size, output), 0);
}

/* That a session stands still is said until it moves, and what was on its way is no movement. */
static void shows_a_notice_until_something_is_drawn(void **state)
{
    (void)state;
    static struct ask_banner banner = {.client.fd = -1, .text = "asks", .notice = "frozen"};
    const struct winsize size = {.ws_row = 24, .ws_col = 6};
    char output[ASK_BANNER_SIZE];
    output[ask_banner_draw(&banner, &size, output)] = '\0';
    assert_non_null(strstr(output, "frozen"));
    banner.noticed_ns = clock_monotonic_ns();
    assert_false(ask_banner_go_on(&banner));
    assert_string_equal(banner.notice, "frozen");
    banner.noticed_ns -= 2 * CLOCK_NANOSECONDS_PER_SECOND;
    assert_true(ask_banner_go_on(&banner));
    assert_false(ask_banner_go_on(&banner));
    /* What asked before goes on asking. */
    assert_true(ask_banner_is_shown(&banner));
    output[ask_banner_draw(&banner, &size, output)] = '\0';
    assert_non_null(strstr(output, "asks  "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_asks_and_how_to_answer),
        cmocka_unit_test(is_safe_for_a_terminal),
        cmocka_unit_test(draws_one_line_of_the_terminal),
        cmocka_unit_test(shows_a_notice_until_something_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
