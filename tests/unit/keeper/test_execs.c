/* Exec events at a real keeper: whose it takes, how many, and what is left when it is killed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/exec_event.h"
#include "tests/unit/keeper/fixture.h"

enum { FLOOD = 4 * LIMIT_EVENTS_BURST };

/* An event and its arguments, "make" and the number of the command. */
struct sent {
    struct exec_event event;
    char arguments[16];
};

static struct sent command(enum exec_event_kind kind, unsigned int number)
{
    struct sent sent = {
        .event = {.version = EXEC_EVENT_VERSION,
                  .kind = kind,
                  .uid = 10001,
                  .pid = 42,
                  .action = TASK_ACTION_SANDBOX,
                  .realtime_ns = UINT64_C(1700000000000000000),
                  .rule = "default",
                  .profile = "command",
                  .program = "/usr/bin/make",
                  .directory = "/workspace"},
        .arguments = "make",
    };
    snprintf(sent.event.id, sizeof(sent.event.id), "t%u", number);
    if (kind == EXEC_EVENT_END || kind == EXEC_EVENT_REFUSED)
        return sent;
    sent.event.argument_count = 2;
    sent.event.arguments_size =
        5 + 1 + (uint32_t)snprintf(sent.arguments + 5, sizeof(sent.arguments) - 5, "%u", number);
    sent.event.arguments_total = sent.event.arguments_size;
    return sent;
}

/* Waits while the keeper is behind, as the runner does. 0 or -errno. */
static int say(int fd, const struct sent *sent)
{
    size_t size = sizeof(sent->event) + sent->event.arguments_size;
    int result = channel_send_frame(fd, CHANNEL_EXEC_EVENT, sent, size);
    while (result == -EAGAIN) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        poll(&wait, 1, 1000);
        result = channel_send_frame(fd, CHANNEL_EXEC_EVENT, sent, size);
    }
    return result;
}

static int say_all_kinds(int fd)
{
    for (unsigned int kind = EXEC_EVENT_START; kind <= EXEC_EVENT_REFUSED; kind++) {
        const struct sent sent = command((enum exec_event_kind)kind, 1);
        if (say(fd, &sent) < 0)
            return 2;
    }
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 3;
}

static int runner_speaks(const struct fixture *fixture)
{
    int fd = fixture_greet(fixture, CHANNEL_ROLE_RUNNER);
    return fd < 0 ? 1 : say_all_kinds(fd);
}

static int boot_speaks(const struct fixture *fixture)
{
    int fd = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    return fd < 0 ? 1 : say_all_kinds(fd);
}

static int runner_says_what_it_may_not(const struct fixture *fixture)
{
    int fd = fixture_greet(fixture, CHANNEL_ROLE_RUNNER);
    struct sent sent = command(EXEC_EVENT_START, 2);
    if (fd < 0)
        return 1;
    channel_send_event(fd, AUDIT_BOOT_STEP, fixture_step_fields(), NULL);
    memset(sent.event.program, 'x', sizeof(sent.event.program));
    if (say(fd, &sent) < 0)
        return 2;
    sent = command(EXEC_EVENT_START, 3);
    if (say(fd, &sent) < 0)
        return 2;
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 3;
}

static void takes_exec_events_from_the_runner_alone(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(STRANGER, fixture, runner_speaks), 1);
    assert_int_equal(fixture_run_as(getuid(), fixture, runner_speaks), 1);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, boot_speaks), 0);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, runner_speaks), 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-start\""), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-end\""), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-nested\""), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-refused\""), 1);
    assert_int_equal(fixture_count(log, "\"program\":\"runner\",\"uid\":100000}"), 4);
    assert_int_equal(fixture_count(log, "\"argv\":[\"make\",\"1\"]"), 2);
    assert_int_equal(fixture_count(log, "boot may not send frames of type 7"), 1);
    assert_int_equal(
        fixture_count(log, "\"count\":4,\"detail\":\"uid 100000: in all\",\"what\":\"event\""), 1);
}

static void refuses_bad_exec_events_and_goes_on(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, runner_says_what_it_may_not), 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-start\""), 1);
    assert_int_equal(fixture_count(log, "\"argv\":[\"make\",\"3\"]"), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"boot-step\""), 0);
    assert_int_equal(fixture_count(log, "runner may not send frames of type 3"), 1);
    assert_int_equal(
        fixture_count(log, "\"count\":2,\"detail\":\"uid 100000: in all\",\"what\":\"event\""), 1);
}

static int floods(const struct fixture *fixture)
{
    int fd = fixture_greet(fixture, CHANNEL_ROLE_RUNNER);
    uint64_t start = clock_monotonic_ns();
    if (fd < 0)
        return 1;
    for (unsigned int i = 0; i < FLOOD; i += 2) {
        const struct sent first = command(EXEC_EVENT_START, i);
        const struct sent last = command(EXEC_EVENT_END, i);
        if (say(fd, &first) < 0 || say(fd, &last) < 0)
            return 2;
    }
    if (channel_flush(fd, 60000, NULL) != 0)
        return 3;
    double seconds = (double)(clock_monotonic_ns() - start) / (double)CLOCK_NANOSECONDS_PER_SECOND;
    print_message("%d exec events in %.2f s\n", FLOOD, seconds);
    return 0;
}

/* Until the keeper is gone. */
static int floods_for_ever(const struct fixture *fixture)
{
    int fd = fixture_greet(fixture, CHANNEL_ROLE_RUNNER);
    const struct sent sent = command(EXEC_EVENT_START, 1);
    if (fd < 0)
        return 1;
    while (say(fd, &sent) == 0)
        ;
    return 0;
}

/* What is beyond the limit of other events, and boot is heard beside it. */
static void loses_nothing_of_a_flood(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    pid_t pid = fork();
    if (pid == 0)
        _exit(fixture_run_as(CONTAINER_ROOT, fixture, floods));
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, fixture_boot_sends_a_step), 0);
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-start\""), FLOOD / 2);
    assert_int_equal(fixture_count(log, "\"event\":\"exec-end\""), FLOOD / 2);
    assert_int_equal(fixture_count(log, "\"event\":\"boot-step\""), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"limit-hit\""), 0);
}

/* A machine may be slow: until one of the flood is on record. */
static void wait_for_exec(const struct fixture *fixture)
{
    size_t count = 0;
    for (int i = 0; count == 0 && i < 600; i++) {
        size_t size;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        cleanup_free char *log = support_read(fixture->log, &size);
        count = fixture_count(log, "\"event\":\"exec-start\"");
    }
    assert_true(count > 0);
}

/* Killed in the middle: the chain holds up to the last whole line, and its successor goes on. */
static void leaves_a_chain_when_killed_in_a_flood(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    char line[512];
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    pid_t keeper = fixture_keeper_pid(fixture);
    pid_t pid = fork();
    if (pid == 0)
        _exit(fixture_run_as(CONTAINER_ROOT, fixture, floods_for_ever));
    wait_for_exec(fixture);
    nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    fixture_hear(fixture, line);
    assert_string_equal(line, "");
    close(fixture->control);
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, runner_speaks), 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_in_range(fixture_count(log, "\"event\":\"exec-start\""), 2, SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(takes_exec_events_from_the_runner_alone),
        FIXTURE_TEST(refuses_bad_exec_events_and_goes_on),
        FIXTURE_TEST(loses_nothing_of_a_flood),
        FIXTURE_TEST(leaves_a_chain_when_killed_in_a_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
