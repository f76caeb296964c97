/* A real keeper between a task runner that asks and programs that answer. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-shim/keeper/asks.h"
#include "lib/base/cleanup.h"
#include "lib/host/ask_client.h"
#include "lib/wire/exec_event.h"
#include "tests/unit/keeper/fixture.h"

struct sent {
    struct exec_event event;
    char arguments[TASK_ARGUMENTS_SHOWN];
};

static uint64_t last_asked_ns;
static bool is_huge;

static void say_event(int runner, enum exec_event_kind kind, enum task_action action,
                      const char *id, const char *argument)
{
    static struct sent sent;
    sent = (struct sent){.event = {.version = EXEC_EVENT_VERSION,
                                   .kind = kind,
                                   .uid = 10001,
                                   .pid = 42,
                                   .action = action,
                                   .tier = TASK_TIER_NETWORK,
                                   .realtime_ns = UINT64_C(1700000000000000000),
                                   .monotonic_ns = ++last_asked_ns,
                                   .duration_ns = UINT64_C(300000000000),
                                   .argument_count = 2,
                                   .rule = "publish",
                                   .profile = "default",
                                   .program = "/usr/bin/npm",
                                   .directory = "/workspace",
                                   .text = "people publish"},
                         .arguments = "npm"};
    size_t size = strlen(argument) + 1;
    if (is_huge) {
        memset(sent.event.program, '\x01', sizeof(sent.event.program) - 1);
        memset(sent.event.directory, '\x01', sizeof(sent.event.directory) - 1);
    }
    snprintf(sent.event.id, sizeof(sent.event.id), "%s", id);
    memset(sent.event.program_digest, 0xaa, sizeof(sent.event.program_digest));
    memcpy(sent.arguments + 4, argument, size);
    sent.event.arguments_size = sent.event.arguments_total = (uint32_t)(4 + size);
    assert_int_equal(channel_send_frame(runner, CHANNEL_EXEC_EVENT, &sent,
                                        sizeof(sent.event) + sent.event.arguments_size),
                     0);
}

static void ask(int runner, const char *id, const char *argument)
{
    say_event(runner, EXEC_EVENT_ASK, TASK_ACTION_ASK, id, argument);
}

static void start(int runner, enum task_action action, const char *id)
{
    say_event(runner, EXEC_EVENT_START, action, id, "publish");
}

/* The answer that the keeper gives within TIMEOUT_MS: true when there is one. */
static bool hear(int runner, int timeout_ms, struct exec_answer *answer)
{
    char frame[sizeof(struct channel_header) + sizeof(*answer)];
    struct pollfd wait = {.fd = runner, .events = POLLIN};
    if (poll(&wait, 1, timeout_ms) != 1)
        return false;
    assert_int_equal(recv(runner, frame, sizeof(frame), 0), (ssize_t)sizeof(frame));
    memcpy(answer, frame + sizeof(struct channel_header), sizeof(*answer));
    return true;
}

static void open_client(const struct fixture *fixture, struct ask_client *client)
{
    struct error err = ERROR_INITIALIZER;
    if (ask_client_open(client, fixture->session, &err) < 0)
        fail_msg("%s", error_text(&err));
}

/* The next change, which is there; its number and state. */
static void expect_next(struct ask_client *client, json_int_t number, const char *expected)
{
    struct error err = ERROR_INITIALIZER;
    json_t *found = NULL;
    assert_int_equal(ask_client_request_next(client, true, &err), 0);
    if (ask_client_receive_next(client, 5000, &found, &err) < 0)
        fail_msg("%s", error_text(&err));
    assert_int_equal(json_integer_value(json_object_get(found, "ask")), number);
    assert_string_equal(json_string_value(json_object_get(found, "state")), expected);
    json_decref(found);
}

static void expect_end(struct ask_client *client)
{
    json_t *found = NULL;
    assert_int_equal(ask_client_next(client, &found, NULL), 0);
    assert_null(found);
}

static int say(struct ask_client *client, uint64_t number, bool is_allowed, enum ask_scope scope,
               const char *text)
{
    const struct ask_answer answer = {
        .ask = number, .is_allowed = is_allowed, .scope = scope, .text = text};
    return ask_client_answer(client, &answer, NULL);
}

/* Container root has our own uid here: both ends are of this process. */
static int begin(struct fixture *fixture, struct ask_client *client)
{
    fixture_start_keeper(fixture, getuid());
    int runner = fixture_greet(fixture, CHANNEL_ROLE_RUNNER);
    assert_true(runner >= 0);
    open_client(fixture, client);
    return runner;
}

static void carries_answers(void **state)
{
    struct fixture *fixture = *state;
    struct ask_client client;
    struct exec_answer answer;
    int runner = begin(fixture, &client);
    expect_end(&client);
    ask(runner, "t5", "publish");
    expect_next(&client, 1, "waiting");
    expect_end(&client);
    assert_false(hear(runner, 50, &answer));
    assert_int_equal(say(&client, 1, true, ASK_ONCE, NULL), 0);
    assert_true(hear(runner, 5000, &answer));
    assert_int_equal(answer.action, TASK_ACTION_SANDBOX);
    assert_string_equal(answer.id, "t5");
    assert_int_equal(answer.asked_ns, last_asked_ns);
    expect_next(&client, 1, "answered");
    assert_int_equal(say(&client, 1, false, ASK_ONCE, NULL), -EINVAL);
    start(runner, TASK_ACTION_SANDBOX, "t5");
    expect_next(&client, 1, "approved");
    ask(runner, "t6", "publish");
    expect_next(&client, 2, "waiting");
    assert_int_equal(say(&client, 2, false, ASK_ONCE, "not today"), 0);
    assert_true(hear(runner, 5000, &answer));
    assert_int_equal(answer.action, TASK_ACTION_DENY);
    assert_string_equal(answer.text, "denied by rule publish: not today");
    start(runner, TASK_ACTION_DENY, "t6");
    assert_int_equal(say(&client, 3, true, ASK_ONCE, NULL), -EINVAL);
    ask_client_close(&client);
    close(runner);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-ask\""), 2);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-answer\""), 2);
    assert_int_equal(fixture_count(log, "\"answer\":\"allow\",\"ask\":1,\"id\":\"t5\",\"scope\":"
                                        "\"once\",\"uid\""),
                     1);
    assert_int_equal(fixture_count(log, "\"reason\":\"not today\""), 1);
}

static void answers_by_itself_what_was_approved(void **state)
{
    struct fixture *fixture = *state;
    struct ask_client client;
    struct exec_answer answer;
    int runner = begin(fixture, &client);
    ask(runner, "t1", "publish");
    expect_next(&client, 1, "waiting");
    assert_int_equal(say(&client, 1, true, ASK_PREFIX, NULL), 0);
    assert_true(hear(runner, 5000, &answer));
    start(runner, TASK_ACTION_SANDBOX, "t1");
    ask(runner, "t2", "publish");
    assert_true(hear(runner, 5000, &answer));
    assert_string_equal(answer.id, "t2");
    assert_int_equal(answer.action, TASK_ACTION_SANDBOX);
    ask(runner, "t3", "unpublish");
    assert_false(hear(runner, 50, &answer));
    /* Whoever comes later sees what waits. */
    ask_client_close(&client);
    open_client(fixture, &client);
    assert_int_equal(say(&client, 3, true, ASK_PROGRAM, NULL), 0);
    assert_true(hear(runner, 5000, &answer));
    ask(runner, "t4", "anything");
    assert_true(hear(runner, 5000, &answer));
    assert_string_equal(answer.id, "t4");
    ask_client_close(&client);
    close(runner);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"approval\":1,\"ask\":2"), 1);
    assert_int_equal(fixture_count(log, "\"approval\":3,\"ask\":4"), 1);
    assert_int_equal(fixture_count(log, "\"scope\":\"prefix\",\"uid\""), 2);
}

static void loses_what_waited_with_the_runner(void **state)
{
    struct fixture *fixture = *state;
    struct ask_client client;
    struct exec_answer answer;
    int runner = begin(fixture, &client);
    ask(runner, "t1", "publish");
    expect_next(&client, 1, "waiting");
    close(runner);
    expect_next(&client, 1, "lost");
    assert_int_equal(say(&client, 1, true, ASK_ONCE, NULL), -EINVAL);
    /* The next one numbers its sandboxes anew; an old answer is not for it. */
    runner = fixture_greet(fixture, CHANNEL_ROLE_RUNNER);
    ask(runner, "t1", "publish");
    expect_next(&client, 2, "waiting");
    assert_int_equal(say(&client, 1, true, ASK_ONCE, NULL), -EINVAL);
    assert_false(hear(runner, 50, &answer));
    ask_client_close(&client);
    close(runner);
    free(fixture_finish(fixture));
}

static void denies_what_nobody_can_be_shown(void **state)
{
    struct fixture *fixture = *state;
    struct ask_client client;
    struct exec_answer answer;
    char argument[TASK_ARGUMENTS_SHOWN - 8];
    int runner = begin(fixture, &client);
    memset(argument, '\x01', sizeof(argument) - 1);
    argument[sizeof(argument) - 1] = '\0';
    ask(runner, "t1", argument);
    expect_next(&client, 1, "waiting");
    assert_false(hear(runner, 50, &answer));
    is_huge = true;
    ask(runner, "t2", argument);
    is_huge = false;
    assert_true(hear(runner, 5000, &answer));
    assert_string_equal(answer.id, "t2");
    assert_int_equal(answer.action, TASK_ACTION_DENY);
    assert_non_null(strstr(answer.text, "too long to be shown"));
    expect_end(&client);
    for (int i = 3; i < 3 + ASKS_MAX - 1; i++) {
        char id[TASK_ID_SIZE];
        snprintf(id, sizeof(id), "t%d", i);
        ask(runner, id, "publish");
        expect_next(&client, i - 1, "waiting");
    }
    ask(runner, "t99", "publish");
    assert_true(hear(runner, 5000, &answer));
    assert_string_equal(answer.id, "t99");
    ask_client_close(&client);
    close(runner);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-ask\""), ASKS_MAX + 2);
}

static int boot_answers(const struct fixture *fixture)
{
    const struct ask_answer answer = {.ask = 1, .is_allowed = true};
    cleanup_fd int fd = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    json_t *request = ask_answer_write(&answer);
    cleanup_free char *text = json_dumps(request, 0);
    json_decref(request);
    if (fd < 0 || channel_send_frame(fd, CHANNEL_ASK_REQUEST, text, strlen(text)) < 0)
        return 1;
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 2; /* it is still connected */
}

static int runner_answers(const struct fixture *fixture)
{
    static const struct exec_answer answer = {
        .version = EXEC_EVENT_VERSION, .action = TASK_ACTION_SANDBOX, .id = "t1", .asked_ns = 1};
    cleanup_fd int fd = fixture_greet(fixture, CHANNEL_ROLE_RUNNER);
    if (fd < 0 || channel_send_frame(fd, CHANNEL_EXEC_ANSWER, &answer, sizeof(answer)) < 0)
        return 1;
    return channel_flush(fd, 5000, NULL) < 0 ? 0 : 2; /* it is thrown out */
}

static int approves(const struct fixture *fixture)
{
    struct ask_client client;
    return ask_client_open(&client, fixture->session, NULL) < 0 ? 0 : 1;
}

static int container_root_asks(const struct fixture *fixture)
{
    struct exec_answer answer;
    int runner = fixture_greet(fixture, CHANNEL_ROLE_RUNNER);
    if (runner < 0)
        return 1;
    ask(runner, "t1", "publish");
    int wrong =
        boot_answers(fixture) != 0 || runner_answers(fixture) != 0 || approves(fixture) != 0;
    return wrong || hear(runner, 300, &answer) ? 2 : 0;
}

/* Whatever root of the container says, and whoever else is there. */
static void lets_nobody_else_answer(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, container_root_asks), 0);
    assert_int_equal(fixture_run_as(STRANGER, fixture, approves), 0);
    assert_int_equal(fixture_run_as(getuid(), fixture, approves), 1);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-ask\""), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-answer\""), 0);
    assert_int_equal(fixture_count(log, "boot may not send frames of type 9"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(carries_answers),
        FIXTURE_TEST(answers_by_itself_what_was_approved),
        FIXTURE_TEST(loses_what_waited_with_the_runner),
        FIXTURE_TEST(denies_what_nobody_can_be_shown),
        FIXTURE_TEST(lets_nobody_else_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
