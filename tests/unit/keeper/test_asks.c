/* The table of asks, and which commands an approval is good for. */
#include <errno.h>
#include <string.h>

#include "host-shim/keeper/asks.h"
#include "lib/base/cleanup.h"
#include "tests/unit/wire/support.h"

static struct asks asks;

static int prepare(void **state)
{
    (void)state;
    memset(&asks, 0, sizeof(asks));
    return 0;
}

static int dispose(void **state)
{
    (void)state;
    asks_free(&asks);
    return 0;
}

#define ASKS_TEST(name) cmocka_unit_test_setup_teardown(name, prepare, dispose)
#define DIGEST(digit) "\"program_sha256\":\"" digit "\""
#define NPM "\"program\":\"/usr/bin/npm\""
#define FIELDS(rule, program, more, argv)                             \
    "{\"rule\":\"" rule "\"," program "," more ",\"argv\":[" argv "]" \
    ",\"argv_is_cut\":false}"
#define PUBLISH FIELDS("publish", NPM, DIGEST("a"), "\"npm\",\"publish\"")

static struct ask *add(const char *text)
{
    json_t *fields = json_loads(text, 0, NULL);
    assert_non_null(fields);
    struct ask *ask = asks_add(&asks, fields);
    json_decref(fields);
    return ask;
}

static struct ask_answer allow(enum ask_scope scope, uint64_t words)
{
    return (struct ask_answer){.is_allowed = true, .scope = scope, .words = words};
}

static void approve(struct ask *ask, enum ask_scope scope, uint64_t words)
{
    struct ask_answer answer = allow(scope, words);
    struct error err = ERROR_INITIALIZER;
    if (asks_check(&asks, ask, &answer, &err) < 0)
        fail_msg("%s", error_text(&err));
    asks_remember(&asks, ask, &answer, 1000);
    asks_change(&asks, ask, ASK_APPROVED);
}

static bool matches(const char *text)
{
    struct ask *ask = add(text);
    bool does = asks_match(&asks, ask) != NULL;
    asks_change(&asks, ask, ASK_DENIED);
    return does;
}

static void numbers_asks_for_ever(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 3 * ASKS_MAX; i++) {
        struct ask *ask = add(PUBLISH);
        assert_int_equal(ask->number, i);
        assert_int_equal(json_integer_value(json_object_get(ask->fields, "ask")), i);
        assert_ptr_equal(asks_find(&asks, i), ask);
        asks_change(&asks, ask, ASK_DENIED);
    }
    assert_null(asks_find(&asks, 0));
    assert_null(asks_find(&asks, 1));
    assert_null(asks_find(&asks, 3 * ASKS_MAX + 1));
}

static void forgets_none_that_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ASKS_MAX; i++)
        assert_non_null(add(PUBLISH));
    assert_null(add(PUBLISH));
    assert_int_equal(asks.numbers, ASKS_MAX);
    asks_change(&asks, asks_find(&asks, 5), ASK_ANSWERED);
    assert_null(add(PUBLISH));
    asks_change(&asks, asks_find(&asks, 5), ASK_APPROVED);
    asks_change(&asks, asks_find(&asks, 3), ASK_DENIED);
    assert_non_null(add(PUBLISH));
    assert_null(asks_find(&asks, 5)); /* over for longest */
    assert_non_null(asks_find(&asks, 3));
}

static void tells_each_change_once(void **state)
{
    (void)state;
    struct ask *first = add(PUBLISH);
    struct ask *second = add(PUBLISH);
    struct ask *next = asks_next(&asks, 0);
    assert_ptr_equal(next, first);
    next = asks_next(&asks, next->change);
    assert_ptr_equal(next, second);
    uint64_t seen = next->change;
    assert_null(asks_next(&asks, seen));
    asks_change(&asks, first, ASK_DENIED);
    next = asks_next(&asks, seen);
    assert_ptr_equal(next, first);
    assert_null(asks_next(&asks, next->change));
    assert_null(asks_next(&asks, UINT64_MAX));
}

static void loses_what_a_runner_takes_along(void **state)
{
    (void)state;
    int one, other;
    struct ask *first = add(PUBLISH);
    struct ask *second = add(PUBLISH);
    struct ask *third = add(PUBLISH);
    first->runner = second->runner = &one;
    third->runner = &other;
    memcpy(first->id, "t1", 3);
    memcpy(third->id, "t1", 3);
    assert_ptr_equal(asks_find_open(&asks, &one, "t1"), first);
    assert_ptr_equal(asks_find_open(&asks, &other, "t1"), third);
    assert_null(asks_find_open(&asks, &other, "t2"));
    asks_change(&asks, second, ASK_APPROVED);
    assert_true(asks_lose(&asks, &one));
    assert_int_equal(first->state, ASK_LOST);
    assert_int_equal(second->state, ASK_APPROVED);
    assert_int_equal(third->state, ASK_WAITING);
    assert_null(asks_find_open(&asks, &one, "t1"));
    assert_false(asks_lose(&asks, &one));
}

static void approves_one_alone(void **state)
{
    (void)state;
    approve(add(PUBLISH), ASK_ONCE, 0);
    assert_int_equal(asks.approval_count, 0);
    assert_false(matches(PUBLISH));
}

static void approves_what_begins_alike(void **state)
{
    (void)state;
    struct ask *ask = add(PUBLISH);
    approve(ask, ASK_PREFIX, 0);
    assert_int_equal(asks.approvals[0].words, 2);
    assert_int_equal(asks.approvals[0].ask, ask->number);
    assert_int_equal(asks.approvals[0].uid, 1000);
    assert_true(matches(PUBLISH));
    assert_true(matches(FIELDS("publish", NPM, DIGEST("b"), "\"npm\",\"publish\",\"--tag\"")));
    assert_false(matches(FIELDS("publish", NPM, DIGEST("a"), "\"npm\"")));
    assert_false(matches(FIELDS("publish", NPM, DIGEST("a"), "\"npm\",\"publish2\"")));
    assert_false(matches(FIELDS("publish", NPM, DIGEST("a"), "\"npm\",\"unpublish\"")));
    assert_false(matches(FIELDS("publish", NPM, DIGEST("a"), "\"pnpm\",\"publish\"")));
    /* Another rule asks for another reason, and another file of that name is another program. */
    assert_false(matches(FIELDS("other", NPM, DIGEST("a"), "\"npm\",\"publish\"")));
    assert_false(matches(
        FIELDS("publish", "\"program\":\"/workspace/npm\"", DIGEST("a"), "\"npm\",\"publish\"")));
}

static void approves_as_many_words_as_said(void **state)
{
    (void)state;
    approve(add(PUBLISH), ASK_PREFIX, 1);
    assert_true(matches(FIELDS("publish", NPM, DIGEST("a"), "\"npm\",\"unpublish\"")));
    assert_false(matches(FIELDS("publish", NPM, DIGEST("a"), "\"pnpm\",\"publish\"")));
}

static void approves_programs_by_what_they_are(void **state)
{
    (void)state;
    approve(add(PUBLISH), ASK_PROGRAM, 0);
    assert_true(matches(FIELDS("publish", NPM, DIGEST("a"), "\"x\"")));
    assert_true(matches(FIELDS("publish", "\"program\":\"/x\"", DIGEST("a"), "\"x\"")));
    assert_false(matches(FIELDS("publish", NPM, DIGEST("b"), "\"npm\",\"publish\"")));
    assert_false(matches(FIELDS("publish", NPM, "\"cwd\":\"/\"", "\"npm\",\"publish\"")));
    assert_false(matches(FIELDS("other", NPM, DIGEST("a"), "\"npm\",\"publish\"")));
}

/* What is cut may go on in any way. */
static void compares_nothing_that_is_cut(void **state)
{
    static const char cut[] =
        "{\"rule\":\"publish\"," NPM
        "," DIGEST("a") ",\"argv\":[\"npm\",\"publish\"],\"argv_is_cut\":true}";
    (void)state;
    struct ask_answer answer = allow(ASK_PREFIX, 1);
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(asks_check(&asks, add(cut), &answer, &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), "not all on record"));
    approve(add(PUBLISH), ASK_PREFIX, 0);
    assert_false(matches(cut));
    approve(add(cut), ASK_PROGRAM, 0);
    assert_true(matches(cut));
}

/* "a\xff" among the arguments puts all of them into base64. */
static void compares_bytes(void **state)
{
    static const char encoded[] = "{\"rule\":\"publish\"," NPM "," DIGEST(
        "a") ",\"argv_base64\":[\"bnBt\",\"cHVibGlzaA==\",\"Yf8=\"],\"argv_is_cut\":false}";
    (void)state;
    approve(add(PUBLISH), ASK_PREFIX, 0);
    assert_true(matches(encoded));
    assert_false(matches("{\"rule\":\"publish\"," NPM
                         ",\"argv_base64\":[\"bnBt\",\"cHVibGlzaP8=\"],\"argv_is_cut\":false}"));
}

#define INNER(rule, about, more, argv)                                                  \
    "{\"rule\":\"" rule "\"," BASH "," DIGEST("a") ",\"asks_about\":[" about "]" more   \
                                                   ",\"argv\":[\"bash\",\"-c\",\"" argv \
                                                   "\"],\"argv_is_cut\":false}"
#define BASH "\"program\":\"/usr/bin/bash\""
#define CARGO "\"cargo\",\"publish\""

/* A shell around it is another one each time. */
static void compares_the_command_that_asks(void **state)
{
    (void)state;
    struct ask *ask = add(INNER("publish", CARGO, "", "cargo publish >/tmp/1"));
    approve(ask, ASK_PREFIX, 0);
    assert_int_equal(asks.approvals[0].words, 2);
    assert_true(matches(INNER("publish", CARGO, "", "cargo publish >/tmp/2")));
    assert_true(matches(INNER("publish", CARGO ",\"$X\"", "", "x")));
    assert_false(matches(INNER("publish", "\"cargo\"", "", "cargo publish >/tmp/1")));
    assert_false(matches(INNER("publish", "\"cargo\",\"yank\"", "", "cargo publish >/tmp/1")));
    assert_false(matches(INNER("other", CARGO, "", "cargo publish >/tmp/1")));
    /* Nothing that asks about more, and no command that is itself what asks. */
    assert_false(matches(INNER("publish", CARGO, ",\"asks_more\":true", "cargo publish >/tmp/1")));
    assert_false(matches(FIELDS("publish", BASH, DIGEST("a"), CARGO)));
    approve(add(FIELDS("publish", "\"program\":\"/usr/bin/cargo\"", DIGEST("a"), "\"x\"")),
            ASK_PREFIX, 0);
    assert_false(matches(INNER("publish", "\"x\"", "", "x")));
}

static void knows_a_program_inside_by_its_name(void **state)
{
    (void)state;
    approve(add(INNER("publish", CARGO, "", "cargo publish")), ASK_PROGRAM, 0);
    assert_true(matches(INNER("publish", "\"cargo\",\"yank\"", "", "cargo yank")));
    assert_false(matches(INNER("publish", "\"npm\",\"publish\"", "", "npm publish")));
    /* The same shell, for something else. */
    assert_false(matches(FIELDS("publish", BASH, DIGEST("a"), "\"bash\"")));
}

static void refuses_words_that_a_shell_expands(void **state)
{
    (void)state;
    struct error err = ERROR_INITIALIZER;
    struct ask_answer all = allow(ASK_PREFIX, 0);
    struct ask_answer two = allow(ASK_PREFIX, 2);
    struct ask_answer program = allow(ASK_PROGRAM, 0);
    struct ask *ask = add(INNER("publish", CARGO ",\"--index=$X\"", "", "x"));
    assert_int_equal(asks_check(&asks, ask, &all, &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), "word 3 is not known"));
    assert_int_equal(asks_check(&asks, ask, &two, &err), 0);
    assert_int_equal(asks_check(&asks, add(INNER("publish", "\"$X\"", "", "x")), &program, &err),
                     -EINVAL);
    two.words = 2;
    assert_int_equal(
        asks_check(&asks, add(INNER("publish", CARGO, ",\"asks_more\":true", "x")), &two, &err),
        -EINVAL);
    assert_non_null(strstr(error_text(&err), "more in it asks"));
}

static void refuses_what_cannot_be_approved(void **state)
{
    (void)state;
    struct error err = ERROR_INITIALIZER;
    struct ask *ask = add(FIELDS("publish", NPM, "\"cwd\":\"/\"", "\"npm\",\"publish\""));
    struct ask_answer program = allow(ASK_PROGRAM, 0);
    struct ask_answer words = allow(ASK_PREFIX, 3);
    struct ask_answer once = allow(ASK_ONCE, 0);
    assert_int_equal(asks_check(&asks, ask, &program, &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), "digest"));
    assert_int_equal(asks_check(&asks, ask, &words, &err), -EINVAL);
    assert_string_equal(error_text(&err), "the command has 2 words, not 3");
    assert_int_equal(asks_check(&asks, ask, &once, &err), 0);
    asks_change(&asks, ask, ASK_ANSWERED);
    assert_int_equal(asks_check(&asks, ask, &once, &err), -EINVAL);
    asks_change(&asks, ask, ASK_LOST);
    assert_int_equal(asks_check(&asks, ask, &once, &err), -EINVAL);
    assert_string_equal(error_text(&err), "it does not wait any more: it was lost");
    for (size_t i = 0; i < ASKS_APPROVALS_MAX; i++)
        approve(add(PUBLISH), ASK_PREFIX, 0);
    words.words = 1;
    assert_int_equal(asks_check(&asks, add(PUBLISH), &words, &err), -EINVAL);
}

static void reads_and_writes_answers(void **state)
{
    static const char *const malformed[] = {
        "{}",
        "{\"ask\":0,\"answer\":\"allow\",\"scope\":\"once\"}",
        "{\"ask\":1,\"answer\":\"yes\",\"scope\":\"once\"}",
        "{\"ask\":1,\"answer\":\"allow\",\"scope\":\"always\"}",
        "{\"ask\":1,\"answer\":\"allow\"}",
        "{\"ask\":1,\"answer\":\"allow\",\"scope\":\"prefix\",\"words\":-1}",
        "{\"ask\":1,\"answer\":\"deny\",\"scope\":\"once\",\"text\":\"a\\nb\"}",
    };
    const struct ask_answer written = {
        .ask = 7, .is_allowed = false, .scope = ASK_PREFIX, .words = 2, .text = "not today"};
    struct ask_answer answer;
    struct error err = ERROR_INITIALIZER;
    (void)state;
    json_t *request = ask_answer_write(&written);
    assert_int_equal(ask_answer_read(request, &answer, &err), 0);
    assert_int_equal(answer.ask, 7);
    assert_false(answer.is_allowed);
    assert_int_equal(answer.scope, ASK_PREFIX);
    assert_int_equal(answer.words, 2);
    assert_string_equal(answer.text, "not today");
    json_decref(request);
    for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++) {
        request = json_loads(malformed[i], 0, NULL);
        assert_int_equal(ask_answer_read(request, &answer, &err), -EPROTO);
        json_decref(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASKS_TEST(numbers_asks_for_ever),
        ASKS_TEST(forgets_none_that_waits),
        ASKS_TEST(tells_each_change_once),
        ASKS_TEST(loses_what_a_runner_takes_along),
        ASKS_TEST(approves_one_alone),
        ASKS_TEST(approves_what_begins_alike),
        ASKS_TEST(approves_as_many_words_as_said),
        ASKS_TEST(approves_programs_by_what_they_are),
        ASKS_TEST(compares_nothing_that_is_cut),
        ASKS_TEST(compares_bytes),
        ASKS_TEST(compares_the_command_that_asks),
        ASKS_TEST(knows_a_program_inside_by_its_name),
        ASKS_TEST(refuses_words_that_a_shell_expands),
        ASKS_TEST(refuses_what_cannot_be_approved),
        ASKS_TEST(reads_and_writes_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
