/* A model test of PID 1's machines: every short and many long orders of events, and what must hold
 * in each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>

#include "init/machine/machine.h"
#include "lib/base/exit_codes.h"

/* Session: what was done on the way, for the invariants. */
struct run {
    enum init_session_state state;
    int starts;
    int shutdowns;
    int wipes;
    int stops; /* requests so far: they come as STOP, AGAIN, FORCE in this order */
    bool was_stopped;
};

static enum session_event order_stop(struct run *run)
{
    static const enum session_event urgency[] = {SESSION_STOP, SESSION_STOP_AGAIN,
                                                 SESSION_STOP_FORCE};
    int count = run->stops++;
    return urgency[count < 2 ? count : 2];
}

static bool is_stop(enum session_event event)
{
    return event == SESSION_STOP || event == SESSION_STOP_AGAIN || event == SESSION_STOP_FORCE;
}

/* Nothing runs again once the stop began, and each step comes at most once. */
static void check(const struct run *run, enum init_session_state before)
{
    assert_true(run->starts <= 1);
    assert_true(run->shutdowns <= 1);
    assert_true(run->wipes <= 1);
    assert_true(run->state < INIT_SESSION_STATE_COUNT);
    assert_true(run->state != INIT_SESSION_BOOTING || before == INIT_SESSION_BOOTING);
    if (before > INIT_SESSION_RUNNING)
        assert_true(run->state >= before); /* stopping only goes on */
    if (run->was_stopped)
        assert_true(run->state != INIT_SESSION_RUNNING && run->state != INIT_SESSION_BOOTING);
    if (run->state == INIT_SESSION_DONE)
        assert_true(run->shutdowns + run->wipes >=
                    1); /* the secrets are wiped whatever else happens */
}

/* True when the event was listed. */
static bool feed(struct run *run, enum session_event event)
{
    enum init_session_state before = run->state;
    enum session_action action = SESSION_DO_NOTHING;
    if (is_stop(event))
        event = order_stop(run);
    if (!session_step(&run->state, event, &action)) {
        assert_int_equal(run->state, before);
        return false;
    }
    assert_true(action < SESSION_ACTION_COUNT);
    run->starts += action == SESSION_DO_START;
    run->shutdowns += action == SESSION_DO_SHUTDOWN;
    run->wipes += action == SESSION_DO_WIPE;
    run->was_stopped |= is_stop(event);
    check(run, before);
    return true;
}

static void explore(struct run run, int depth, unsigned long *orders)
{
    (*orders)++;
    for (int event = 0; depth > 0 && event < SESSION_EVENT_COUNT; event++) {
        struct run next = run;
        if (feed(&next, (enum session_event)event))
            explore(next, depth - 1, orders);
    }
}

static void every_short_order_of_session_events(void **state)
{
    unsigned long orders = 0;
    (void)state;
    explore((struct run){.state = INIT_SESSION_BOOTING}, 8, &orders);
    explore((struct run){.state = INIT_SESSION_RUNNING}, 8, &orders);
    assert_true(orders > 10000);
}

static void many_long_orders_of_session_events(void **state)
{
    (void)state;
    srandom(1);
    int done = 0;
    for (int round = 0; round < 20000; round++) {
        struct run run = {.state = INIT_SESSION_BOOTING};
        for (int i = 0; i < 200 && run.state != INIT_SESSION_DONE; i++)
            feed(&run, (enum session_event)(random() % SESSION_EVENT_COUNT));
        done += run.state == INIT_SESSION_DONE;
    }
    assert_true(done > 15000);
}

/* Whatever state a stop is in, deadlines alone bring it to its end: nothing can hold PID 1. */
static void deadlines_alone_end_every_stop(void **state)
{
    (void)state;
    for (int from = INIT_SESSION_UNWINDING; from < INIT_SESSION_DONE; from++) {
        if (from == INIT_SESSION_RUNNING)
            continue;
        enum init_session_state now = (enum init_session_state)from;
        enum session_action action;
        int steps = 0;
        while (now != INIT_SESSION_DONE && steps++ < 8)
            assert_true(session_step(&now, SESSION_DEADLINE, &action));
        assert_int_equal(now, INIT_SESSION_DONE);
    }
}

/* Three requests reach the wiping from anywhere, with nothing else happening in between but what
 * they cause. */
static void the_third_request_forces(void **state)
{
    (void)state;
    for (int from = INIT_SESSION_BOOTING; from <= INIT_SESSION_RUNNING; from += 2) {
        struct run run = {.state = (enum init_session_state)from};
        assert_true(feed(&run, SESSION_STOP));
        assert_true(feed(&run, SESSION_STOP));
        assert_int_equal(run.state, INIT_SESSION_KILLING);
        assert_true(feed(&run, SESSION_STOP));
        assert_int_equal(run.state, INIT_SESSION_WIPING);
    }
    struct run run = {.state = INIT_SESSION_SHUTDOWN};
    assert_true(feed(&run, SESSION_STOP) && run.state == INIT_SESSION_SHUTDOWN);
    assert_true(feed(&run, SESSION_STOP) && run.state == INIT_SESSION_SHUTDOWN);
    assert_true(feed(&run, SESSION_STOP) && run.state == INIT_SESSION_WIPING);
}

static void exit_codes(void **state)
{
    (void)state;
    for (int code = 0; code < 256; code++) {
        struct session_outcome outcome = {
            .has_main_ended = true, .main_status = code << 8, .stop_signal = SIGTERM};
        assert_int_equal(session_exit_code(&outcome), code);
    }
    for (int number = 1; number < 65; number++) {
        struct session_outcome outcome = {.has_main_ended = true, .main_status = number};
        assert_int_equal(session_exit_code(&outcome), 128 + number);
    }
    struct session_outcome outcome = {0};
    assert_int_equal(session_exit_code(&outcome), EXIT_BOOT_INTERNAL);
    outcome.stop_signal = SIGINT;
    assert_int_equal(session_exit_code(&outcome), 128 + SIGINT);
    outcome.is_refused = true;
    outcome.refused_code = EXIT_BOOT_MOUNTS;
    assert_int_equal(session_exit_code(&outcome), EXIT_BOOT_MOUNTS);
    outcome.refused_code = 128 + SIGTERM; /* what boot says when it was told to stop */
    assert_int_equal(session_exit_code(&outcome), 128 + SIGINT);
    outcome.has_main_ended = true;
    outcome.is_limit_reached = true;
    assert_int_equal(session_exit_code(&outcome), EXIT_SERVICE_LIMIT);
}

/* Service: a fake kernel says whether there is a process. */
struct model {
    enum init_service_state state;
    bool has_process;
};

static bool is_end(enum service_event event)
{
    return event == SERVICE_END || event == SERVICE_RETRY || event == SERVICE_FAIL;
}

static void feed_service(struct model *model, enum service_event event)
{
    enum init_service_state before = model->state;
    enum service_action action = SERVICE_DO_NOTHING;
    if (is_end(event) && !model->has_process && before != INIT_STATE_WAITING)
        return; /* nothing that could end */
    if (!service_step(&model->state, event, &action)) {
        assert_int_equal(model->state, before);
        return;
    }
    if (action == SERVICE_DO_SPAWN) {
        assert_false(model->has_process); /* never two processes of one service */
        model->has_process = true;
    }
    if (action == SERVICE_DO_TERM || action == SERVICE_DO_KILL)
        assert_true(model->has_process);
    if (is_end(event))
        model->has_process = false;
    bool has_process_state = model->state == INIT_STATE_STARTING ||
                             model->state == INIT_STATE_READY ||
                             model->state == INIT_STATE_STOPPING;
    assert_int_equal(has_process_state, model->has_process); /* and none is forgotten */
    if (event == SERVICE_STOP)
        assert_true(model->state >= INIT_STATE_STOPPING);
}

static void explore_service(struct model model, int depth)
{
    for (int event = 0; depth > 0 && event < SERVICE_EVENT_COUNT; event++) {
        struct model next = model;
        feed_service(&next, (enum service_event)event);
        explore_service(next, depth - 1);
    }
}

static void every_short_order_of_service_events(void **state)
{
    (void)state;
    explore_service((struct model){.state = INIT_STATE_WAITING}, 7);
}

static void many_long_orders_of_service_events(void **state)
{
    (void)state;
    srandom(2);
    for (int round = 0; round < 5000; round++) {
        struct model model = {.state = INIT_STATE_WAITING};
        for (int i = 0; i < 300; i++)
            feed_service(&model, (enum service_event)(random() % SERVICE_EVENT_COUNT));
    }
}

static void everything_has_a_name(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < INIT_SESSION_STATE_COUNT; i++)
        assert_non_null(machine_session_state_name(i));
    for (uint32_t i = 0; i < SESSION_EVENT_COUNT; i++)
        assert_non_null(machine_session_event_name(i));
    for (uint32_t i = INIT_STATE_WAITING; i <= INIT_STATE_FAILED; i++)
        assert_non_null(machine_service_state_name(i));
    for (uint32_t i = 0; i < SERVICE_EVENT_COUNT; i++)
        assert_non_null(machine_service_event_name(i));
    assert_null(machine_session_state_name(INIT_SESSION_STATE_COUNT));
    assert_null(machine_service_event_name(SERVICE_EVENT_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_short_order_of_session_events),
        cmocka_unit_test(many_long_orders_of_session_events),
        cmocka_unit_test(deadlines_alone_end_every_stop),
        cmocka_unit_test(the_third_request_forces),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(every_short_order_of_service_events),
        cmocka_unit_test(many_long_orders_of_service_events),
        cmocka_unit_test(everything_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
