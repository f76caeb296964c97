/* Exec events of the task runner: what becomes of each, and that nothing malformed is taken. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/exec_record.h"
#include "tests/unit/wire/support.h"

/* An event and its arguments, as the runner sends them. */
static struct {
    struct exec_event event;
    char arguments[TASK_ARGUMENTS_SHOWN + 64];
} sent;

static void set_arguments(const char *bytes, size_t size, uint32_t count)
{
    memcpy(sent.arguments, bytes, size);
    sent.event.arguments_size = (uint32_t)size;
    sent.event.arguments_total = (uint32_t)size;
    sent.event.argument_count = count;
}
#define ARGUMENTS(text, count) set_arguments(text, sizeof(text) - 1, count)

static int prepare(void **state)
{
    (void)state;
    memset(&sent, 0, sizeof(sent));
    sent.event = (struct exec_event){
        .version = EXEC_EVENT_VERSION,
        .kind = EXEC_EVENT_START,
        .id = "t7",
        .uid = 10001,
        .pid = 42,
        .action = TASK_ACTION_SANDBOX,
        .tier = TASK_TIER_READ,
        .realtime_ns = UINT64_C(1700000000123456789),
        .monotonic_ns = 5,
        .duration_ns = 1234567,
        .rule = "default",
        .profile = "command",
        .program = "/usr/bin/ls",
        .directory = "/workspace",
    };
    ARGUMENTS("ls\0-l\0", 2);
    return 0;
}

static int make(enum audit_event *event, json_t **fields, struct error *err)
{
    return exec_record_make(&sent, sizeof(sent.event) + sent.event.arguments_size, event, fields,
                            err);
}

/* The fields of SENT as JSON, which the table of events takes. Owned by the caller. */
static char *made(enum audit_event expected)
{
    struct error err = ERROR_INITIALIZER;
    enum audit_event event = AUDIT_EVENT_COUNT;
    json_t *fields = NULL;
    if (make(&event, &fields, &err) != 0)
        fail_msg("%s", error_text(&err));
    assert_int_equal(event, expected);
    if (audit_event_check(event, fields, &err) != 0)
        fail_msg("%s", error_text(&err));
    char *text = json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(fields);
    return text;
}

static void tells_a_start(void **state)
{
    (void)state;
    cleanup_free char *text = made(AUDIT_EXEC_START);
    assert_string_equal(
        text, "{\"argument_count\":2,\"argv\":[\"ls\",\"-l\"],\"argv_bytes\":6,\"argv_is_cut\":"
              "false,\"cwd\":\"/workspace\",\"id\":\"t7\",\"is_observed\":false,\"pid\":42,"
              "\"profile\":\"command\",\"program\":\"/usr/bin/ls\",\"rule\":\"default\","
              "\"started\":\"2023-11-14T22:13:20.123456Z\",\"started_monotonic_ns\":5,"
              "\"tier\":\"read\",\"uid\":10001,\"verdict\":\"sandbox\"}");
}

static void tells_digests_that_are_known(void **state)
{
    (void)state;
    memset(sent.event.program_digest, 0xab, TASK_DIGEST_SIZE);
    sent.event.arguments_digest[31] = 1;
    cleanup_free char *text = made(AUDIT_EXEC_START);
    assert_non_null(strstr(text, "\"program_sha256\":\"abababab"));
    assert_non_null(strstr(text, "0001\",\"cwd\""));
}

static void tells_an_ask(void **state)
{
    (void)state;
    sent.event.kind = EXEC_EVENT_ASK;
    sent.event.action = TASK_ACTION_ASK;
    sent.event.duration_ns = UINT64_C(300000000000);
    memcpy(sent.event.text, "why", 4);
    cleanup_free char *text = made(AUDIT_EXEC_ASK);
    assert_non_null(strstr(text, "\"argv\":[\"ls\",\"-l\"]"));
    assert_non_null(strstr(text, "\"reason\":\"why\""));
    assert_non_null(strstr(text, "\"seconds\":300"));
    assert_non_null(strstr(text, "\"verdict\":\"ask\""));
    assert_null(strstr(text, "asks_"));
}

static void tells_what_an_ask_is_about(void **state)
{
    (void)state;
    sent.event.kind = EXEC_EVENT_ASK;
    sent.event.action = TASK_ACTION_ASK;
    sent.event.asked = (struct task_asked){
        .flags = TASK_ASKED_INNER | TASK_ASKED_MORE, .size = 12, .words = "npm\0publish"};
    cleanup_free char *text = made(AUDIT_EXEC_ASK);
    assert_non_null(strstr(text, "\"asks_about\":[\"npm\",\"publish\"],\"asks_more\":true"));
    sent.event.asked.words[0] = '\xff';
    cleanup_free char *encoded = made(AUDIT_EXEC_ASK);
    assert_non_null(strstr(encoded, "\"asks_about_base64\":[\"/3Bt\",\"cHVibGlzaA==\"]"));
    /* Of anything else it says nothing. */
    sent.event.kind = EXEC_EVENT_START;
    sent.event.action = TASK_ACTION_SANDBOX;
    cleanup_free char *start = made(AUDIT_EXEC_START);
    assert_null(strstr(start, "asks_"));
}

static void refuses_malformed_words(void **state)
{
    /* clang-format off */
    static const struct task_asked malformed[] = {
        {.flags = TASK_ASKED_INNER, .size = 0},
        {.flags = TASK_ASKED_INNER, .size = 3, .words = "npm"},
        {.flags = TASK_ASKED_INNER, .size = TASK_ASKED_SHOWN + 1},
        {.flags = 0, .size = 4, .words = "npm"},
        {.flags = 4, .size = 0},
    };
    /* clang-format on */
    struct error err = ERROR_INITIALIZER;
    enum audit_event event;
    json_t *fields = NULL;
    (void)state;
    sent.event.kind = EXEC_EVENT_ASK;
    sent.event.action = TASK_ACTION_ASK;
    for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++) {
        sent.event.asked = malformed[i];
        assert_int_equal(make(&event, &fields, &err), -EPROTO);
    }
}

static void tells_a_denial(void **state)
{
    (void)state;
    sent.event.action = TASK_ACTION_DENY;
    sent.event.tier = TASK_TIER_DESTRUCTIVE;
    memcpy(sent.event.text, "why\xff", 5);
    cleanup_free char *text = made(AUDIT_EXEC_START);
    assert_non_null(strstr(text, "\"verdict\":\"deny\""));
    assert_non_null(strstr(text, "\"reason_base64\":\"d2h5/w==\""));
    assert_non_null(strstr(text, "\"tier\":\"destructive\""));
}

static void tells_the_end(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { uint32_t status; const char *expected; } ends[] = {
        {0,      "\"duration_us\":1234,\"exit_code\":0,\"id\":\"t7\",\"signal\":0"},
        {3 << 8, "\"exit_code\":3,\"id\":\"t7\",\"signal\":0"},
        {9,      "\"exit_code\":137,\"id\":\"t7\",\"signal\":9"},
        {0x8b,   "\"exit_code\":139,\"id\":\"t7\",\"signal\":11"},
    };
    /* clang-format on */
    sent.event.kind = EXEC_EVENT_END;
    ARGUMENTS("", 0);
    for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
        sent.event.wait_status = ends[i].status;
        cleanup_free char *text = made(AUDIT_EXEC_END);
        assert_non_null(strstr(text, ends[i].expected));
    }
}

static void tells_what_ran_inside_and_what_was_refused(void **state)
{
    (void)state;
    sent.event.kind = EXEC_EVENT_NESTED;
    sent.event.lost = 3;
    cleanup_free char *nested = made(AUDIT_EXEC_NESTED);
    assert_non_null(strstr(nested, "\"lost\":3"));
    assert_null(strstr(nested, "reason"));
    sent.event.kind = EXEC_EVENT_REFUSED;
    sent.event.id[0] = '\0';
    sent.event.error = EPERM;
    ARGUMENTS("", 0);
    cleanup_free char *refused = made(AUDIT_EXEC_REFUSED);
    assert_string_equal(refused, "{\"error\":1,\"id\":\"\",\"pid\":42,\"program\":\"/usr/bin/ls\","
                                 "\"reason\":\"\",\"started\":\"2023-11-14T22:13:20.123456Z\","
                                 "\"uid\":10001}");
}

static void shows_arguments_as_they_are(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { const char *bytes; size_t size; uint32_t count, total; const char *expected; } lists[] = {
        {"", 0, 0, 0,          "\"argv\":[],\"argv_bytes\":0,\"argv_is_cut\":false"},
        {"\0", 1, 1, 1,        "\"argv\":[\"\"],\"argv_bytes\":1,\"argv_is_cut\":false"},
        {"\0\0", 2, 2, 2,      "\"argv\":[\"\",\"\"]"},
        {"a\0b\0", 4, 2, 4,    "\"argv\":[\"a\",\"b\"]"},
        {"a\0bc", 4, 2, 9,     "\"argv\":[\"a\",\"bc\"],\"argv_bytes\":9,\"argv_is_cut\":true"},
        {"a\0bc\0", 5, 2, 9,   "\"argv_is_cut\":true"},
        {"a\0bc\0", 5, 3, 0,   "\"argv_is_cut\":true"},
        {"a\0\xff\0", 4, 2, 4, "\"argv_base64\":[\"YQ==\",\"/w==\"]"},
        {"\xc3\xa9\0", 3, 1, 3, "\"argv\":[\"\xc3\xa9\"]"},
        {"\xc3", 1, 1, 3,      "\"argv_base64\":[\"ww==\"],\"argv_bytes\":3,\"argv_is_cut\":true"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        set_arguments(lists[i].bytes, lists[i].size, lists[i].count);
        sent.event.arguments_total = lists[i].total;
        cleanup_free char *text = made(AUDIT_EXEC_START);
        if (strstr(text, lists[i].expected) == NULL)
            fail_msg("list %zu: %s", i, text);
    }
}

static void takes_as_many_arguments_as_fit(void **state)
{
    (void)state;
    char *bytes = calloc(1, TASK_ARGUMENTS_SHOWN + 1);
    set_arguments(bytes, TASK_ARGUMENTS_SHOWN, TASK_ARGUMENTS_SHOWN);
    cleanup_free char *most = made(AUDIT_EXEC_START);
    memset(bytes, '\x01', TASK_ARGUMENTS_SHOWN);
    set_arguments(bytes, TASK_ARGUMENTS_SHOWN, 1);
    cleanup_free char *longest = made(AUDIT_EXEC_START);
    memset(bytes, '\xff', TASK_ARGUMENTS_SHOWN);
    set_arguments(bytes, TASK_ARGUMENTS_SHOWN, 1);
    cleanup_free char *encoded = made(AUDIT_EXEC_START);
    set_arguments(bytes, TASK_ARGUMENTS_SHOWN + 1, 1);
    enum audit_event event;
    json_t *fields = NULL;
    assert_int_equal(make(&event, &fields, NULL), -EPROTO);
    free(bytes);
}

/* One change to an event that is good without it, and a word of the refusal. */
struct bad {
    void (*change)(struct exec_event *event);
    const char *expected;
};

#define CHANGE(name, ...)                            \
    static void bad_##name(struct exec_event *event) \
    {                                                \
        __VA_ARGS__;                                 \
    }
#define FILL(member) memset(event->member, 'x', sizeof(event->member))
CHANGE(version, event->version++)
CHANGE(kind, event->kind = 0)
CHANGE(next_kind, event->kind = EXEC_EVENT_ASK + 1)
CHANGE(huge_kind, event->kind = UINT32_MAX)
CHANGE(id, FILL(id))
CHANGE(id_text, memcpy(event->id, "t\x1b[2J", 6))
CHANGE(rule, FILL(rule))
CHANGE(profile, FILL(profile))
CHANGE(program, FILL(program))
CHANGE(directory, FILL(directory))
CHANGE(text, FILL(text))
CHANGE(action, event->action = 0)
CHANGE(redirect, event->action = TASK_ACTION_REDIRECT)
CHANGE(huge_action, event->action = UINT32_MAX)
CHANGE(next_action, event->action = TASK_ACTION_ASK + 1)
CHANGE(start_ask, event->action = TASK_ACTION_ASK)
CHANGE(ask_sandbox, event->kind = EXEC_EVENT_ASK)
CHANGE(ask_id, event->kind = EXEC_EVENT_ASK; event->action = TASK_ACTION_ASK; event->id[0] = '\0')
CHANGE(nested_fail, event->kind = EXEC_EVENT_NESTED; event->action = TASK_ACTION_FAIL)
CHANGE(tier, event->tier = TASK_TIER_PRIVILEGED + 1)
CHANGE(nested_id, event->kind = EXEC_EVENT_NESTED; event->id[0] = '\0')
CHANGE(end_id, event->kind = EXEC_EVENT_END; event->id[0] = '\0')
CHANGE(stopped, event->kind = EXEC_EVENT_END; event->wait_status = 0x137f)
CHANGE(continued, event->kind = EXEC_EVENT_END; event->wait_status = 0xffff)
CHANGE(status, event->kind = EXEC_EVENT_END; event->wait_status = 0x10000)
CHANGE(pid, event->pid = -1)
CHANGE(error, event->error = 4096)
CHANGE(time, event->realtime_ns = UINT64_MAX)
CHANGE(monotonic, event->monotonic_ns = UINT64_MAX)
CHANGE(duration, event->duration_ns = UINT64_MAX)
CHANGE(count, event->argument_count = 1)

/* clang-format off */
static const struct bad bads[] = {
    {bad_version, "version"}, {bad_kind, "unknown kind 0"}, {bad_next_kind, "unknown kind"}, {bad_huge_kind, "unknown kind"},
    {bad_id, "id has no end"}, {bad_id_text, "an id that is none"}, {bad_rule, "rule"}, {bad_profile, "profile"},
    {bad_program, "program"}, {bad_directory, "directory"}, {bad_text, "text"},
    {bad_action, "action 0"}, {bad_redirect, "action 4"}, {bad_huge_action, "action"}, {bad_next_action, "action"},
    {bad_start_ask, "action 6"}, {bad_ask_sandbox, "action 1"}, {bad_ask_id, "no id"},
    {bad_nested_fail, "action 3"}, {bad_tier, "tier"}, {bad_nested_id, "no id"}, {bad_end_id, "no id"},
    {bad_stopped, "wait status"}, {bad_continued, "wait status"}, {bad_status, "wait status"},
    {bad_pid, "number"}, {bad_error, "number"}, {bad_time, "number"}, {bad_monotonic, "number"}, {bad_duration, "number"},
    {bad_count, "more arguments"},
};
/* clang-format on */

static void refuses_what_is_malformed(void **state)
{
    enum audit_event event = AUDIT_EVENT_COUNT;
    json_t *fields = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(bads); i++) {
        struct error err = ERROR_INITIALIZER;
        prepare(state);
        bads[i].change(&sent.event);
        if (make(&event, &fields, &err) != -EPROTO)
            fail_msg("case %zu was taken", i);
        if (strstr(error_text(&err), bads[i].expected) == NULL)
            fail_msg("case %zu: '%s'", i, error_text(&err));
    }
    assert_null(fields);
    assert_int_equal(event, AUDIT_EVENT_COUNT);
}

static void refuses_every_other_size(void **state)
{
    (void)state;
    enum audit_event event;
    json_t *fields = NULL;
    size_t size = sizeof(sent.event) + sent.event.arguments_size;
    for (size_t i = 0; i < size + 64; i++) {
        if (i != size)
            assert_int_equal(exec_record_make(&sent, i, &event, &fields, NULL), -EPROTO);
    }
    assert_int_equal(exec_record_make(&sent, size, &event, &fields, NULL), 0);
    json_decref(fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tells_a_start, prepare),
        cmocka_unit_test_setup(tells_digests_that_are_known, prepare),
        cmocka_unit_test_setup(tells_an_ask, prepare),
        cmocka_unit_test_setup(tells_what_an_ask_is_about, prepare),
        cmocka_unit_test_setup(refuses_malformed_words, prepare),
        cmocka_unit_test_setup(tells_a_denial, prepare),
        cmocka_unit_test_setup(tells_the_end, prepare),
        cmocka_unit_test_setup(tells_what_ran_inside_and_what_was_refused, prepare),
        cmocka_unit_test_setup(shows_arguments_as_they_are, prepare),
        cmocka_unit_test_setup(takes_as_many_arguments_as_fit, prepare),
        cmocka_unit_test_setup(refuses_what_is_malformed, prepare),
        cmocka_unit_test_setup(refuses_every_other_size, prepare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
