/* What the task runner puts on record, and what it takes of the keeper: pure rules. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* After its own prerequisites. */
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "sandbox/exec-trap/configuration.h"
#include "sandbox/exec-trap/event.h"
#include "sandbox/exec-trap/keeper_frame.h"
#include "sandbox/exec-trap/path_text.h"
#include "sandbox/exec-trap/verdict_check.h"

#define HOURS(number) ((number)*3600 * CLOCK_NANOSECONDS_PER_SECOND)

static struct {
    struct task_verdict verdict;
    char arguments[TASK_ARGUMENTS_SHOWN];
} said;

static void prepare_verdict(uint32_t action)
{
    memset(&said, 0, sizeof(said));
    said.verdict.event = (struct exec_event){.action = action,
                                             .tier = TASK_TIER_NETWORK,
                                             .duration_ns = 300 * CLOCK_NANOSECONDS_PER_SECOND,
                                             .argument_count = 2,
                                             .arguments_total = 12,
                                             .arguments_size = 12,
                                             .rule = "publish",
                                             .text = "published by people"};
    memcpy(said.arguments, "npm\0publish\0", 12);
}

static int check(void)
{
    return verdict_check(&said.verdict, sizeof(said.verdict) + said.verdict.event.arguments_size);
}

static void takes_asks_that_have_an_end(void **state)
{
    (void)state;
    prepare_verdict(TASK_ACTION_ASK);
    assert_int_equal(check(), 0);
    assert_int_equal(said.verdict.event.duration_ns, 300 * CLOCK_NANOSECONDS_PER_SECOND);
    said.verdict.event.duration_ns = HOURS(8);
    assert_int_equal(check(), 0);
    said.verdict.event.duration_ns = HOURS(8) + 1;
    assert_int_equal(check(), -EPROTO);
    said.verdict.event.duration_ns = 0;
    assert_int_equal(check(), -EPROTO);
    prepare_verdict(TASK_ACTION_SANDBOX);
    assert_int_equal(check(), 0);
    assert_int_equal(said.verdict.event.duration_ns, 0);
    prepare_verdict(TASK_ACTION_DIRECT);
    assert_int_equal(check(), -EPROTO);
    prepare_verdict(TASK_ACTION_ASK + 1);
    assert_int_equal(check(), -EPROTO);
    prepare_verdict(0);
    assert_int_equal(check(), -EPROTO);
}

static void makes_events_of_verdicts(void **state)
{
    struct task_row row = {.id = "t7", .caller_uid = 10001, .caller_pid = 42};
    struct exec_event event;
    (void)state;
    prepare_verdict(TASK_ACTION_ASK);
    event_of_verdict(&said.verdict, &row, &event);
    assert_int_equal(event.kind, EXEC_EVENT_ASK);
    assert_string_equal(event.id, "t7");
    assert_int_equal(event.uid, 10001);
    assert_int_equal(event.pid, 42);
    assert_string_equal(row.rule, "publish");
    assert_int_equal(row.argument_count, 2);
    assert_memory_equal(row.arguments, "npm\0publish\0", 12);
    said.verdict.event.arguments_size = TASK_ARGUMENTS_SHOWN;
    event_of_verdict(&said.verdict, &row, &event);
    assert_int_equal(row.arguments_size, sizeof(row.arguments));
    prepare_verdict(TASK_ACTION_DENY);
    event_of_verdict(&said.verdict, &row, &event);
    assert_int_equal(event.kind, EXEC_EVENT_START);
}

static void makes_events_of_what_ran_inside(void **state)
{
    const struct task_row row = {.id = "t7", .caller_uid = 10001, .profile = "offline"};
    const struct task_nested nested = {.action = TASK_ACTION_DENY,
                                       .tier = TASK_TIER_READ,
                                       .pid = 3,
                                       .argument_count = 1,
                                       .arguments_size = 4,
                                       .lost = 2,
                                       .rule = "no",
                                       .program = "/usr/bin/npm"};
    struct exec_event event;
    (void)state;
    event_of_nested(&nested, &row, &event);
    assert_int_equal(event.kind, EXEC_EVENT_NESTED);
    assert_string_equal(event.id, "t7");
    assert_string_equal(event.profile, "offline");
    assert_string_equal(event.program, "/usr/bin/npm");
    assert_string_equal(event.rule, "no");
    assert_int_equal(event.action, TASK_ACTION_DENY);
    assert_int_equal(event.pid, 3);
    assert_int_equal(event.lost, 2);
    assert_int_equal(event.arguments_size, 4);
    assert_int_equal(event.arguments_total, 4);
}

static void makes_events_of_direct_execs_and_refusals(void **state)
{
    static char strings[2 * TASK_ARGUMENTS_SHOWN];
    static struct task_direct rule = {.rule = "tmux", .program = "/usr/bin/tmux"};
    struct direct_strings arguments = {.data = "tmux\0-2\0", .size = 8};
    struct exec_event event;
    (void)state;
    event_of_direct(&rule, &arguments, &event);
    assert_int_equal(event.action, TASK_ACTION_DIRECT);
    assert_string_equal(event.rule, "tmux");
    assert_string_equal(event.program, "/usr/bin/tmux");
    assert_int_equal(event.argument_count, 2);
    assert_int_equal(event.arguments_size, 8);
    arguments = (struct direct_strings){.data = strings, .size = sizeof(strings)};
    event_of_direct(&rule, &arguments, &event);
    assert_int_equal(event.arguments_total, sizeof(strings));
    assert_int_equal(event.arguments_size, TASK_ARGUMENTS_SHOWN);
    event_of_refusal("/tmp/x", EACCES, "a file without a name", &event);
    assert_int_equal(event.kind, EXEC_EVENT_REFUSED);
    assert_int_equal(event.error, EACCES);
    assert_string_equal(event.program, "/tmp/x");
    assert_string_equal(event.text, "a file without a name");
}

static void denies_with_a_reason(void **state)
{
    struct exec_event event = {
        .action = TASK_ACTION_ASK, .rule = "publish", .text = "published by people; instead ask"};
    (void)state;
    event_deny(&event, "nobody answered in time");
    assert_int_equal(event.action, TASK_ACTION_DENY);
    assert_string_equal(event.text, "denied by rule publish: nobody answered in time: published by "
                                    "people; instead ask");
    event.text[0] = '\0';
    event_deny(&event, "why");
    assert_string_equal(event.text, "denied by rule publish: why");
    memset(event.text, 'x', sizeof(event.text) - 1);
    event_deny(&event, "why");
    assert_int_equal(strnlen(event.text, sizeof(event.text)), sizeof(event.text) - 1);
    assert_memory_equal(event.text, "denied by rule publish: why: xxx", 32);
}

static void says_events_in_a_line(void **state)
{
    char line[EVENT_LINE_SIZE];
    struct exec_event event = {.kind = EXEC_EVENT_ASK,
                               .id = "t7",
                               .uid = 10001,
                               .pid = 42,
                               .rule = "publish",
                               .program = "/usr/bin/npm",
                               .text = "may it"};
    (void)state;
    event_format(&event, line);
    assert_string_equal(line,
                        "exec ask t7 uid 10001 pid 42 rule publish status 0 /usr/bin/npm: may it");
    event = (struct exec_event){.kind = EXEC_EVENT_END, .wait_status = 9, .program = "/x"};
    event_format(&event, line);
    assert_string_equal(line, "exec end - uid 0 pid 0 rule - status 9 /x");
}

static void prepare_answer(struct keeper_frame *frame)
{
    memset(frame, 0, sizeof(*frame));
    frame->header = channel_header_of(CHANNEL_EXEC_ANSWER, sizeof(struct exec_answer));
    frame->payload.answer = (struct exec_answer){.version = EXEC_EVENT_VERSION,
                                                 .action = TASK_ACTION_SANDBOX,
                                                 .id = "t7",
                                                 .asked_ns = 5,
                                                 .text = "approved"};
}

static void takes_answers(void **state)
{
    struct keeper_frame frame;
    (void)state;
    prepare_answer(&frame);
    const struct exec_answer *answer = keeper_frame_answer(&frame, KEEPER_FRAME_SIZE);
    assert_ptr_equal(answer, &frame.payload.answer);
    assert_string_equal(answer->id, "t7");
    frame.payload.answer.action = TASK_ACTION_DENY;
    assert_non_null(keeper_frame_answer(&frame, KEEPER_FRAME_SIZE));
    memset(frame.payload.answer.id, 'x', sizeof(frame.payload.answer.id));
    memset(frame.payload.answer.text, 'x', sizeof(frame.payload.answer.text));
    answer = keeper_frame_answer(&frame, KEEPER_FRAME_SIZE);
    assert_int_equal(strlen(answer->id), TASK_ID_SIZE - 1);
    assert_int_equal(strlen(answer->text), TASK_TEXT_SIZE - 1);
}

#define REFUSED(change)                                              \
    do {                                                             \
        prepare_answer(&frame);                                      \
        change;                                                      \
        assert_null(keeper_frame_answer(&frame, KEEPER_FRAME_SIZE)); \
    } while (0)

static void takes_nothing_else_for_an_answer(void **state)
{
    struct keeper_frame frame;
    (void)state;
    REFUSED(frame.header.magic++);
    REFUSED(frame.header.version++);
    REFUSED(frame.header.type = CHANNEL_HELLO_REPLY);
    REFUSED(frame.header.length--);
    REFUSED(frame.payload.answer.version++);
    REFUSED(frame.payload.answer.action = 0);
    REFUSED(frame.payload.answer.action = TASK_ACTION_FAIL);
    REFUSED(frame.payload.answer.action = TASK_ACTION_ASK);
    prepare_answer(&frame);
    assert_null(keeper_frame_answer(&frame, KEEPER_FRAME_SIZE - 1));
    assert_null(keeper_frame_answer(&frame, 0));
    assert_non_null(keeper_frame_answer(&frame, KEEPER_FRAME_SIZE));
}

static void greets_as_the_runner(void **state)
{
    struct keeper_frame frame;
    (void)state;
    size_t size = keeper_frame_greet(&frame, "abcdefgh");
    assert_int_equal(size, sizeof(struct channel_header) + sizeof(struct channel_hello));
    assert_int_equal(frame.header.type, CHANNEL_HELLO);
    assert_int_equal(frame.header.length, sizeof(struct channel_hello));
    assert_int_equal(frame.payload.hello.role, CHANNEL_ROLE_RUNNER);
    assert_string_equal(frame.payload.hello.session, "abcdefgh");
    (void)keeper_frame_greet(&frame, "longer than any session is");
    assert_int_equal(strlen(frame.payload.hello.session), 15);
}

static void finds_profiles_by_name(void **state)
{
    static struct task_configuration configuration = {
        .profile_count = 2,
        .profiles = {{.name = "default"}, {.name = "offline"}, {.name = "unused"}}};
    (void)state;
    assert_int_equal(configuration_find_profile(&configuration, "offline"), 1);
    assert_int_equal(configuration_find_profile(&configuration, "default"), 0);
    assert_int_equal(configuration_find_profile(&configuration, "unused"), 0);
}

static void names_what_paths_are_relative_to(void **state)
{
    /* clang-format off */
    static const struct {
        enum path_base base;
        int descriptor;
        int dirfd;
        const char *expected;
    } rows[] = {
        {PATH_BASE_PROGRAM,    0,  3,        "exe"},
        {PATH_BASE_DESCRIPTOR, 12, 3,        "fd/12"},
        {PATH_BASE_WORKING,    0,  3,        "cwd"},
        {PATH_BASE_DIRECTORY,  0,  3,        "fd/3"},
        {PATH_BASE_DIRECTORY,  0,  AT_FDCWD, "cwd"},
        {PATH_BASE_DIRECTORY,  0,  INT32_MIN, "fd/-2147483648"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct path_text text = {.base = rows[i].base, .descriptor = rows[i].descriptor};
        char base[PATH_BASE_SIZE];
        path_text_base(&text, rows[i].dirfd, base);
        assert_string_equal(base, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_asks_that_have_an_end),
        cmocka_unit_test(makes_events_of_verdicts),
        cmocka_unit_test(makes_events_of_what_ran_inside),
        cmocka_unit_test(makes_events_of_direct_execs_and_refusals),
        cmocka_unit_test(denies_with_a_reason),
        cmocka_unit_test(says_events_in_a_line),
        cmocka_unit_test(takes_answers),
        cmocka_unit_test(takes_nothing_else_for_an_answer),
        cmocka_unit_test(greets_as_the_runner),
        cmocka_unit_test(finds_profiles_by_name),
        cmocka_unit_test(names_what_paths_are_relative_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
