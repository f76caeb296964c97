/* The pure rules of the exec trap: paths, direct shapes, requests, the throttle. */
#include <errno.h>
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
#include "sandbox/agent-task-sandbox/code_variables.h"
#include "sandbox/exec-trap/direct_match.h"
#include "sandbox/exec-trap/path_text.h"
#include "sandbox/exec-trap/request.h"
#include "sandbox/exec-trap/throttle.h"

static void tells_paths_apart(void **state)
{
    /* clang-format off */
    static const struct {
        const char *path;
        enum path_base base;
        int descriptor;
        const char *rest;
    } rows[] = {
        {"/bin/true",                    PATH_BASE_ROOT,       0, "bin/true"},
        {"bin/true",                     PATH_BASE_DIRECTORY,  0, "bin/true"},
        {"",                             PATH_BASE_DIRECTORY,  0, ""},
        {"/",                            PATH_BASE_ROOT,       0, ""},
        {"/proc/self/exe",               PATH_BASE_PROGRAM,    0, ""},
        {"//proc/./self//exe",           PATH_BASE_PROGRAM,    0, ""},
        {"/proc/thread-self/exe/x",      PATH_BASE_PROGRAM,    0, "x"},
        {"/proc/self/fd/12",             PATH_BASE_DESCRIPTOR, 12, ""},
        {"/proc/self/fd/3/bin/sh",       PATH_BASE_DESCRIPTOR, 3, "bin/sh"},
        {"/dev/fd/7",                    PATH_BASE_DESCRIPTOR, 7, ""},
        {"/dev/stdin",                   PATH_BASE_DESCRIPTOR, 0, ""},
        {"/dev/stderr",                  PATH_BASE_DESCRIPTOR, 2, ""},
        {"/proc/self/cwd/a",             PATH_BASE_WORKING,    0, "a"},
        {"/proc/self/root/bin/sh",       PATH_BASE_ROOT,       0, "bin/sh"},
        /* Ordinary, as far as text goes: openat2 says no to what hides in them. */
        {"/proc/self/fd/03",             PATH_BASE_ROOT,       0, "proc/self/fd/03"},
        {"/proc/self/fd/-1",             PATH_BASE_ROOT,       0, "proc/self/fd/-1"},
        {"/proc/self/fd/99999999999",    PATH_BASE_ROOT,       0, "proc/self/fd/99999999999"},
        {"/proc/self/exec",              PATH_BASE_ROOT,       0, "proc/self/exec"},
        {"/proc/1/exe",                  PATH_BASE_ROOT,       0, "proc/1/exe"},
        {"/proc/../proc/self/exe",       PATH_BASE_ROOT,       0, "proc/../proc/self/exe"},
        {"/dev/fdx/7",                   PATH_BASE_ROOT,       0, "dev/fdx/7"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct path_text text;
        path_text_parse(rows[i].path, &text);
        print_message("%s\n", rows[i].path);
        assert_int_equal(text.base, rows[i].base);
        assert_string_equal(text.rest, rows[i].rest);
        if (text.base == PATH_BASE_DESCRIPTOR)
            assert_int_equal(text.descriptor, rows[i].descriptor);
    }
}

#define STRINGS(text) ((struct direct_strings){.data = (text), .size = sizeof(text) - 1})

static struct task_direct make_rule(uint32_t arguments, uint32_t names, const char *strings,
                                    size_t size)
{
    struct task_direct rule = {
        .rule = "r",
        .from = "/a",
        .program = "/b",
        .argument_count = arguments,
        .name_count = names,
        .strings_size = (uint32_t)size,
    };
    memcpy(rule.strings, strings, size);
    return rule;
}

#define RULE(arguments, names, text) make_rule(arguments, names, text, sizeof(text) - 1)

static void compares_arguments(void **state)
{
    const struct direct_strings none = STRINGS("");
    const struct task_direct exact = RULE(2, 0, "codex\0--setup\0");
    const struct task_direct any = RULE(2, 0, "*\0...\0");
    (void)state;
    assert_true(direct_is_sound(&exact));
    assert_true(direct_matches(&exact, &STRINGS("codex\0--setup\0"), &none));
    assert_false(direct_matches(&exact, &STRINGS("codex\0"), &none));
    assert_false(direct_matches(&exact, &STRINGS("codex\0--setup\0x\0"), &none));
    assert_false(direct_matches(&exact, &STRINGS("codex\0--setup"), &none));
    assert_false(direct_matches(&exact, &STRINGS("codex\0--setups\0"), &none));
    assert_false(direct_matches(&exact, &STRINGS(""), &none));
    assert_true(direct_matches(&any, &STRINGS("x\0"), &none));
    assert_true(direct_matches(&any, &STRINGS("x\0a\0b\0"), &none));
    assert_false(direct_matches(&any, &STRINGS(""), &none));
    struct direct_strings cut = STRINGS("codex\0--setup\0");
    cut.is_cut = true;
    assert_false(direct_matches(&exact, &cut, &none));
    assert_true(direct_matches(&any, &cut, &none));
}

static void compares_environments(void **state)
{
    const struct direct_strings arguments = STRINGS("x\0");
    struct task_direct rule = RULE(1, 2, "x\0PATH\0HOME\0");
    (void)state;
    assert_true(direct_is_sound(&rule));
    assert_true(direct_matches(&rule, &arguments, &STRINGS("")));
    assert_true(direct_matches(&rule, &arguments, &STRINGS("HOME=/x\0PATH=\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("BUN_OPTIONS=--preload x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("PATH\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("PATHS=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("PATH=x")));
    rule = RULE(1, 0, "x\0");
    rule.is_any_environment = 1;
    assert_int_equal(code_variables_name("policies/refused-variables.tab", &rule, NULL), 0);
    assert_true(direct_is_sound(&rule));
    assert_true(
        direct_matches(&rule, &arguments, &STRINGS("A=x\0LD=x\0MY_LD_PRELOAD=x\0NODE_OPTION=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("A=x\0BUN_OPTIONS=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("LD_PRELOAD=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("NODE_OPTIONS=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("COPILOT_CLI_DIST_DIR=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("COPILOT_SDK_PATH=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("OPENSSL_ia32cap=x\0")));
    assert_false(direct_matches(&rule, &arguments, &STRINGS("P11_KIT_NO_USER_CONFIG=x\0")));
    /* What is refused in a file only, a program that starts itself may have. */
    assert_true(direct_matches(&rule, &arguments, &STRINGS("PATH=x\0NODE_ENV=x\0TMPDIR=x\0")));
    assert_true(direct_matches(&rule, &arguments, &STRINGS("COPILOT_ALLOW_ALL=1\0")));
    struct direct_strings cut = STRINGS("A=x\0");
    cut.is_cut = true;
    assert_false(direct_matches(&rule, &arguments, &cut));
}

static void knows_unsound_rules(void **state)
{
    struct task_direct rule = RULE(1, 0, "x\0y\0");
    (void)state;
    assert_false(direct_is_sound(&rule));
    rule = RULE(3, 0, "x\0y\0");
    assert_false(direct_is_sound(&rule));
    rule = RULE(1, 0, "x\0");
    memset(rule.program, 'x', sizeof(rule.program));
    assert_false(direct_is_sound(&rule));
    rule = RULE(1, 0, "x\0");
    rule.strings_size = sizeof(rule.strings) + 1;
    assert_false(direct_is_sound(&rule));
    rule = RULE(1, 0, "x\0");
    rule.argument_count = UINT32_MAX;
    assert_false(direct_is_sound(&rule));
}

static void checks_requests(void **state)
{
    union request request = {.run = {.header = {TASK_PROTOCOL_VERSION, TASK_RUN},
                                     .argument_count = 1,
                                     .block_size = 100,
                                     .stream_mask = 7}};
    const size_t size = sizeof(request.run);
    (void)state;
    assert_int_equal(request_check(&request, size, 5), 0);
    assert_int_equal(request_check(&request, size, 4), -EPROTO);
    assert_int_equal(request_check(&request, size - 1, 5), -EPROTO);
    request.run.stream_mask = 8;
    assert_int_equal(request_check(&request, size, 3), -EINVAL);
    request.run.stream_mask = 0;
    request.run.flags = TASK_RUN_TICKET | TASK_RUN_DETACHED;
    assert_int_equal(request_check(&request, size, 2), -EINVAL);
    request.run.flags = 1u << 31;
    assert_int_equal(request_check(&request, size, 2), -EINVAL);
    request.run.flags = 0;
    request.run.block_size = TASK_BLOCK_MAX + 1;
    assert_int_equal(request_check(&request, size, 2), -E2BIG);
    request.run.block_size = 2;
    request.run.environment_count = UINT32_MAX;
    assert_int_equal(request_check(&request, size, 2), -E2BIG);
    request.run.environment_count = 1;
    assert_int_equal(request_check(&request, size, 2), -EINVAL);
    request.header.version = 2;
    assert_int_equal(request_check(&request, size, 2), -EPROTO);
    request.header = (struct task_header){TASK_PROTOCOL_VERSION, TASK_MADE};
    assert_int_equal(request_check(&request, sizeof(request.other), 0), -EPROTO);
}

static void checks_other_requests(void **state)
{
    union request request = {.other = {.header = {TASK_PROTOCOL_VERSION, TASK_KILL}}};
    const size_t size = sizeof(request.other);
    (void)state;
    assert_int_equal(request_check(&request, size, 0), 0);
    assert_int_equal(request_check(&request, size, 1), -EPROTO);
    assert_int_equal(request_check(&request, 4, 0), -EPROTO);
    request.other.signal = 65;
    assert_int_equal(request_check(&request, size, 0), -EINVAL);
    request.other.signal = 9;
    memset(request.other.id, 'x', sizeof(request.other.id));
    assert_int_equal(request_check(&request, size, 0), -EINVAL);
    request = (union request){.other = {.header = {TASK_PROTOCOL_VERSION, TASK_LISTENER}}};
    assert_int_equal(request_check(&request, size, 0), -EPROTO);
    assert_int_equal(request_check(&request, size, 1), 0);
}

static void delays_what_comes_too_fast(void **state)
{
    struct throttle throttle = {.sources = {{.uid = 0}}};
    const uint64_t now = 100 * CLOCK_NANOSECONDS_PER_SECOND;
    (void)state;
    for (int i = 0; i < THROTTLE_BURST; i++)
        assert_int_equal(throttle_count(&throttle, 1, now), now);
    uint64_t due = throttle_count(&throttle, 1, now);
    assert_int_equal(due - now, CLOCK_NANOSECONDS_PER_SECOND / THROTTLE_RATE);
    /* Nothing of it is another's. */
    assert_int_equal(throttle_count(&throttle, 2, now), now);
    /* Time gives it back, up to a burst. */
    uint64_t later = now + 1000 * CLOCK_NANOSECONDS_PER_SECOND;
    for (int i = 0; i < THROTTLE_BURST; i++)
        assert_int_equal(throttle_count(&throttle, 1, later), later);
    assert_true(throttle_count(&throttle, 1, later) > later);
    /* More uids than rows share the last. */
    for (uid_t uid = 10; uid < 10 + 2 * THROTTLE_UIDS_MAX; uid++)
        assert_true(throttle_count(&throttle, uid, later) >= later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_paths_apart),
        cmocka_unit_test(compares_arguments),
        cmocka_unit_test(compares_environments),
        cmocka_unit_test(knows_unsound_rules),
        cmocka_unit_test(checks_requests),
        cmocka_unit_test(checks_other_requests),
        cmocka_unit_test(delays_what_comes_too_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
