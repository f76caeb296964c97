/* What a push asks for and what came of it, as git's own programs say it, and as nobody should. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host-shim/git-proxy/pkt_line.h"
#include "host-shim/git-proxy/push_list.h"
#include "host-shim/git-proxy/push_report.h"
#include "lib/base/cleanup.h"
#include "tests/unit/wire/support.h"

#define A "1111111111111111111111111111111111111111"
#define B "2222222222222222222222222222222222222222"
#define NONE "0000000000000000000000000000000000000000"

struct text {
    char data[65536];
    size_t size;
};

/* A line of git's, of SIZE bytes; NULL: a flush. */
static void add(struct text *text, const char *line, size_t size)
{
    ssize_t length = 4;
    if (line == NULL)
        memcpy(text->data + text->size, "0000", 4);
    else
        length =
            pkt_line_write(text->data + text->size, sizeof(text->data) - text->size, line, size);
    assert_true(length > 0);
    text->size += (size_t)length;
}

#define ADD(text, line) add(text, line, sizeof(line) - 1)

static ssize_t parse(const struct text *text, struct push_list *list)
{
    struct error err = ERROR_INITIALIZER;
    ssize_t taken = push_list_parse(text->data, text->size, list, &err);
    assert_true(taken >= 0 || err.message[0] != '\0');
    return taken;
}

static void reads_what_git_sends(void **state)
{
    (void)state;
    static struct push_list list;
    struct text text = {.size = 0};
    ADD(&text, "shallow " A);
    ADD(&text,
        NONE " " A " refs/heads/new\0 report-status-v2 side-band-64k push-options agent=git/2");
    ADD(&text, A " " B " refs/heads/old\n");
    ADD(&text, B " " NONE " refs/tags/gone");
    add(&text, NULL, 0);
    size_t end = text.size;
    memcpy(text.data + text.size, "PACK", 4);
    text.size += 4;
    assert_int_equal(parse(&text, &list), end);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.commands[0].ref, "refs/heads/new");
    assert_true(push_is_nothing(list.commands[0].old_id));
    assert_string_equal(list.commands[1].ref, "refs/heads/old");
    assert_string_equal(list.commands[1].new_id, B);
    assert_true(push_is_nothing(list.commands[2].new_id));
    assert_true(list.wants_report && list.has_side_band && list.has_options);
    /* Nothing is decided before its end. */
    for (text.size = 0; text.size < end; text.size++)
        assert_int_equal(parse(&text, &list), 0);
}

static void takes_an_empty_list_for_a_question(void **state)
{
    (void)state;
    static struct push_list list;
    struct text text = {.data = "0000", .size = 4};
    assert_int_equal(parse(&text, &list), 4);
    assert_int_equal(list.count, 0);
}

/* The other end reads a name up to its first NUL, in any line. */
static void reads_a_name_as_the_other_end_does(void **state)
{
    (void)state;
    static struct push_list list;
    struct text text = {.size = 0};
    ADD(&text, NONE " " A " refs/heads/one\0report-status");
    ADD(&text, NONE " " A " refs/heads/main\0refs/heads/shell/x");
    add(&text, NULL, 0);
    assert_int_equal(parse(&text, &list), text.size);
    assert_string_equal(list.commands[1].ref, "refs/heads/main");
}

static void refuses_what_is_no_push(void **state)
{
    (void)state;
    static struct push_list list;
    static const char *const lines[] = {
        "nonsense",
        A " " B,
        A " " B " ",
        A " " B " refs/",
        A " " B " HEAD",
        A " " B "  refs/heads/x",
        A " " B " refs/heads/../x",
        A " " B " refs/heads/a b",
        A " " B " refs/heads/a\nrefs/heads/b",
        A " " B " refs/heads/x.lock",
        A " 222222222222222222222222222222222222222 refs/heads/x",
        "A111111111111111111111111111111111111111 " B " refs/heads/x",
        "push-cert\0 report-status",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        struct text text = {.size = 0};
        add(&text, lines[i], strlen(lines[i]));
        add(&text, NULL, 0);
        if (parse(&text, &list) != -EPROTO)
            fail_msg("taken: %s", lines[i]);
    }
    static const char *const heads[] = {"0001", "0003", "fff5", "zzzz", "-001", "00 5", "GET "};
    for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
        struct text text = {.size = 4};
        memcpy(text.data, heads[i], 4);
        assert_int_equal(parse(&text, &list), -EPROTO);
    }
}

static void refuses_too_many_refs(void **state)
{
    (void)state;
    static struct push_list list;
    struct text text = {.size = 0};
    for (int i = 0; i <= PUSH_COMMANDS_MAX; i++) {
        char line[256];
        int length = snprintf(line, sizeof(line), NONE " " A " refs/heads/b%d", i);
        add(&text, line, (size_t)length);
    }
    assert_int_equal(parse(&text, &list), -EPROTO);
}

static void note(void *context, const char *ref)
{
    char *said = context;
    size_t used = strlen(said);
    snprintf(said + used, 256 - used, "%s,", ref);
}

/* Whatever pieces it comes in. */
static void hear(const struct text *text, bool has_side_band, char said[256])
{
    for (size_t piece = 1; piece < 40; piece += 13) {
        struct push_report report;
        said[0] = '\0';
        push_report_begin(&report, has_side_band, note, said);
        for (size_t at = 0; at < text->size; at += piece)
            push_report_feed(&report, text->data + at,
                             text->size - at < piece ? text->size - at : piece);
    }
}

static void hears_which_refs_were_taken(void **state)
{
    (void)state;
    char said[256];
    struct text plain = {.size = 0};
    ADD(&plain, "unpack ok\n");
    ADD(&plain, "ok refs/heads/a\n");
    ADD(&plain, "ng refs/heads/b denied\n");
    ADD(&plain, "ok refs/heads/c");
    add(&plain, NULL, 0);
    hear(&plain, false, said);
    assert_string_equal(said, "refs/heads/a,refs/heads/c,");

    /* Cut anywhere into bands, with words for people between. */
    for (size_t cut = 1; cut < plain.size; cut++) {
        struct text bands = {.size = 0};
        char line[512];
        memcpy(line, "\1", 1);
        memcpy(line + 1, plain.data, cut);
        add(&bands, line, cut + 1);
        ADD(&bands, "\2ok refs/heads/lie\n");
        memcpy(line + 1, plain.data + cut, plain.size - cut);
        add(&bands, line, plain.size - cut + 1);
        add(&bands, NULL, 0);
        hear(&bands, true, said);
        assert_string_equal(said, "refs/heads/a,refs/heads/c,");
    }
}

static void hears_nothing_in_what_is_no_report(void **state)
{
    (void)state;
    char said[256];
    struct text text = {.data = "0001ok refs/heads/a\n", .size = 20};
    hear(&text, false, said);
    assert_string_equal(said, "");
    text = (struct text){.size = 0};
    ADD(&text, "ok refs/heads/a\0b");
    hear(&text, false, said);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_git_sends),
        cmocka_unit_test(takes_an_empty_list_for_a_question),
        cmocka_unit_test(reads_a_name_as_the_other_end_does),
        cmocka_unit_test(refuses_what_is_no_push),
        cmocka_unit_test(refuses_too_many_refs),
        cmocka_unit_test(hears_which_refs_were_taken),
        cmocka_unit_test(hears_nothing_in_what_is_no_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
