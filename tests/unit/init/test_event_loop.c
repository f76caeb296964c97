/* The event loop on real pipes and timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/event_loop.h"
#include "lib/base/wait_limit.h"
#include "tests/attack/linger.h"

#define SOURCES 2
#define TIMERS 2

struct fixture {
    struct event_loop loop;
    struct event_source sources[SOURCES];
    struct event_timer timers[TIMERS];
    int pipes[SOURCES][2];
    int numbers[SOURCES];
    int calls;
    int remove_on_call;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.remove_on_call = -1;
    *state = &fixture;
    for (int i = 0; i < SOURCES; i++)
        assert_int_equal(pipe(fixture.pipes[i]), 0);
    return event_loop_open(&fixture.loop, fixture.sources, SOURCES, fixture.timers, TIMERS);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    event_loop_close(&fixture->loop);
    for (int i = 0; i < SOURCES; i++) {
        close(fixture->pipes[i][0]);
        close(fixture->pipes[i][1]);
    }
    return 0;
}

static void on_source(void *context, uint32_t events)
{
    struct fixture *fixture = context;
    (void)events;
    fixture->calls++;
    if (fixture->remove_on_call >= 0)
        event_loop_remove(&fixture->loop, fixture->remove_on_call);
}

static void on_timer(void *context)
{
    struct fixture *fixture = context;
    fixture->calls++;
}

static void add_all(struct fixture *fixture)
{
    for (int i = 0; i < SOURCES; i++) {
        fixture->numbers[i] =
            event_loop_add(&fixture->loop, fixture->pipes[i][0], EPOLLIN, on_source, fixture);
        assert_true(fixture->numbers[i] >= 0);
    }
}

static void a_readable_source_is_called(void **state)
{
    struct fixture *fixture = *state;
    add_all(fixture);
    assert_int_equal(event_loop_run_once(&fixture->loop, 0), 0);
    assert_int_equal(fixture->calls, 0);
    assert_int_equal(write(fixture->pipes[0][1], "x", 1), 1);
    assert_int_equal(event_loop_run_once(&fixture->loop, 0), 0);
    assert_int_equal(fixture->calls, 1);
}

static void the_array_is_the_limit(void **state)
{
    struct fixture *fixture = *state;
    add_all(fixture);
    assert_int_equal(
        event_loop_add(&fixture->loop, fixture->pipes[0][1], EPOLLOUT, on_source, fixture),
        -ENOSPC);
    event_loop_remove(&fixture->loop, fixture->numbers[0]);
    assert_int_equal(
        event_loop_add(&fixture->loop, fixture->pipes[0][1], EPOLLOUT, on_source, fixture),
        fixture->numbers[0]);
}

/* Both are readable in one round; the first to run removes the other, whose event must not be
 * delivered. */
static void events_of_a_removed_source_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    add_all(fixture);
    assert_int_equal(write(fixture->pipes[0][1], "x", 1), 1);
    assert_int_equal(write(fixture->pipes[1][1], "x", 1), 1);
    assert_int_equal(event_loop_run_once(&fixture->loop, 0), 0);
    assert_int_equal(fixture->calls, 2); /* the control: without removal both run */
    fixture->calls = 0;
    fixture->remove_on_call = fixture->numbers[1];
    assert_int_equal(event_loop_run_once(&fixture->loop, 0), 0);
    assert_int_equal(fixture->calls, 1);
}

static void a_timer_runs_once_and_not_early(void **state)
{
    struct fixture *fixture = *state;
    uint64_t start = clock_monotonic_ns();
    uint64_t deadline = start + 20 * CLOCK_NANOSECONDS_PER_MILLISECOND;
    event_loop_set_timer(&fixture->loop, 0, deadline + CLOCK_NANOSECONDS_PER_SECOND, on_timer,
                         fixture);
    event_loop_set_timer(&fixture->loop, 1, deadline, on_timer, fixture);
    assert_int_equal(event_loop_run_once(&fixture->loop, 5000), 0);
    assert_int_equal(fixture->calls, 1);
    assert_true(clock_monotonic_ns() >= deadline);
    assert_int_equal(event_loop_run_once(&fixture->loop, 30), 0);
    assert_int_equal(fixture->calls, 1);
}

static void a_cleared_timer_does_not_run(void **state)
{
    struct fixture *fixture = *state;
    event_loop_set_timer(&fixture->loop, 0, 0, on_timer, fixture);
    event_loop_clear_timer(&fixture->loop, 0);
    assert_int_equal(event_loop_run_once(&fixture->loop, 10), 0);
    assert_int_equal(fixture->calls, 0);
    event_loop_set_timer(&fixture->loop, 0, 0, on_timer, fixture); /* long past: at once */
    assert_int_equal(event_loop_run_once(&fixture->loop, 1000), 0);
    assert_int_equal(fixture->calls, 1);
}

/* A server as all of ours are: a message that it does not understand ends the connection. */
static int server_socket;

static void on_nonsense(void *context, uint32_t events)
{
    struct fixture *fixture = context;
    char data[16];
    (void)events;
    fixture->calls++;
    (void)!recv(server_socket, data, sizeof(data), MSG_DONTWAIT);
    event_loop_remove(&fixture->loop, fixture->numbers[0]);
    close(server_socket);
}

/* Whether the server, which another process is, serves the other source after such a message. */
static bool serves_others(struct fixture *fixture, int way, bool has_limit)
{
    int ends[2];
    int told[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(pipe(told), 0);
    assert_int_equal(linger_send(ends[0], (enum linger_way)way), 0);
    pid_t server = fork();
    if (server == 0) {
        close(ends[0]);
        server_socket = ends[1];
        if ((has_limit && wait_limit_open(false) < 0) ||
            event_loop_open(&fixture->loop, fixture->sources, SOURCES, fixture->timers, TIMERS) < 0)
            _exit(1);
        fixture->numbers[0] =
            event_loop_add(&fixture->loop, server_socket, EPOLLIN, on_nonsense, fixture);
        while (fixture->calls == 0 && event_loop_run_once(&fixture->loop, -1) == 0)
            continue;
        (void)!write(told[1], "x", 1);
        _exit(0);
    }
    close(ends[1]);
    close(told[1]);
    /* The descriptors wait for an hour, so this is no measurement: it has gone on, or stands still.
     */
    struct pollfd wait = {.fd = told[0], .events = POLLIN};
    bool has_served = poll(&wait, 1, has_limit ? 60000 : 500) == 1 && (wait.revents & POLLIN) != 0;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(told[0]);
    close(ends[0]);
    return has_served;
}

static void a_callback_does_not_wait_for_others(void **state)
{
    for (int way = 0; way < LINGER_WAYS; way++) {
        assert_true(serves_others(*state, way, true));
        assert_false(serves_others(*state, way, false)); /* the control */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_readable_source_is_called, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_array_is_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_of_a_removed_source_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_runs_once_and_not_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cleared_timer_does_not_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_callback_does_not_wait_for_others, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
