/* PID 1 with one thing wrong, each in turn: some invariant does not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "tests/unit/init/model_search.h"

/* clang-format off */
static const struct mutation mutations[] = {
    {.what = "main ends and nothing stops",
     .state = INIT_SESSION_RUNNING, .event = SESSION_MAIN_ENDED, .next = INIT_SESSION_RUNNING},
    {.what = "a stop arms no deadline",
     .state = INIT_SESSION_RUNNING, .event = SESSION_STOP, .next = INIT_SESSION_STOPPING},
    {.what = "a stop is not listed",
     .state = INIT_SESSION_RUNNING, .event = SESSION_STOP},
    {.what = "a stop is refused in silence",
     .state = INIT_SESSION_RUNNING, .event = SESSION_STOP, .is_silent = true},
    {.what = "a second TERM only waits",
     .state = INIT_SESSION_STOPPING, .event = SESSION_STOP_AGAIN, .next = INIT_SESSION_STOPPING},
    {.what = "a third TERM only waits",
     .state = INIT_SESSION_KILLING, .event = SESSION_STOP_FORCE, .next = INIT_SESSION_KILLING},
    {.what = "a second TERM cuts the shutdown short",
     .state = INIT_SESSION_SHUTDOWN, .event = SESSION_STOP_AGAIN, .next = INIT_SESSION_WIPING, .action = SESSION_DO_WIPE},
    {.what = "a forced stop skips the wiping",
     .state = INIT_SESSION_SHUTDOWN, .event = SESSION_STOP_FORCE, .next = INIT_SESSION_DONE},
    {.what = "what ignores TERM is not killed",
     .state = INIT_SESSION_SWEEPING, .event = SESSION_DEADLINE, .next = INIT_SESSION_SHUTDOWN, .action = SESSION_DO_SHUTDOWN},
    {.what = "the sweep's deadline does nothing",
     .state = INIT_SESSION_SWEEPING, .event = SESSION_DEADLINE, .next = INIT_SESSION_SWEEPING},
    {.what = "the end of the services goes straight to the shutdown",
     .state = INIT_SESSION_STOPPING, .event = SESSION_SERVICES_ENDED, .next = INIT_SESSION_SHUTDOWN, .action = SESSION_DO_SHUTDOWN},
    {.what = "the shutdown is not started",
     .state = INIT_SESSION_SWEEPING, .event = SESSION_EMPTY, .next = INIT_SESSION_SHUTDOWN},
    {.what = "a failed shutdown is good enough",
     .state = INIT_SESSION_SHUTDOWN, .event = SESSION_SHUTDOWN_FAILED, .next = INIT_SESSION_DONE},
    {.what = "a shutdown that hangs is good enough",
     .state = INIT_SESSION_SHUTDOWN, .event = SESSION_DEADLINE, .next = INIT_SESSION_DONE},
    {.what = "a wiping that hangs is waited for",
     .state = INIT_SESSION_WIPING, .event = SESSION_DEADLINE, .next = INIT_SESSION_WIPING},
    {.what = "boot's crash is taken for readiness",
     .state = INIT_SESSION_BOOTING, .event = SESSION_BOOT_ENDED, .next = INIT_SESSION_DONE},
    {.what = "boot is not told to unwind in time",
     .state = INIT_SESSION_BOOTING, .event = SESSION_STOP, .next = INIT_SESSION_UNWINDING},
    {.what = "a service starts without a process",
     .is_service = true, .state = INIT_STATE_WAITING, .event = SERVICE_START, .next = INIT_STATE_STARTING},
    {.what = "a service that is not ready in time is waited for",
     .is_service = true, .state = INIT_STATE_STARTING, .event = SERVICE_TIMER, .next = INIT_STATE_STARTING},
    {.what = "a watchdog that ends does nothing",
     .is_service = true, .state = INIT_STATE_READY, .event = SERVICE_TIMER, .next = INIT_STATE_READY},
    {.what = "a service that ignores TERM is not killed",
     .is_service = true, .state = INIT_STATE_STOPPING, .event = SERVICE_TIMER, .next = INIT_STATE_STOPPING},
    {.what = "the limit is no limit",
     .is_service = true, .state = INIT_STATE_STARTING, .event = SERVICE_FAIL, .next = INIT_STATE_BACKOFF, .action = SERVICE_DO_DELAY},
    {.what = "a failed service starts at once",
     .is_service = true, .state = INIT_STATE_READY, .event = SERVICE_RETRY, .next = INIT_STATE_STARTING, .action = SERVICE_DO_SPAWN},
    {.what = "the wait before a restart has no end",
     .is_service = true, .state = INIT_STATE_STARTING, .event = SERVICE_RETRY, .next = INIT_STATE_BACKOFF},
    {.what = "a stop during the wait before a restart lets it go on",
     .is_service = true, .state = INIT_STATE_BACKOFF, .event = SERVICE_STOP, .next = INIT_STATE_EXITED, .action = SERVICE_DO_DELAY},
    {.what = "a running service is forgotten",
     .is_service = true, .state = INIT_STATE_READY, .event = SERVICE_STOP, .next = INIT_STATE_EXITED},
};
/* clang-format on */

static const char *catch (const struct mutation *mutation)
{
    model_mutation = mutation;
    const char *violation = search_find_notice();
    model_mutation = NULL;
    return violation;
}

static void every_mutation_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(mutations); i++) {
        const char *violation = catch (&mutations[i]);
        printf("%-58s %s\n", mutations[i].what, violation == NULL ? "NOT NOTICED" : violation);
        assert_non_null(violation);
    }
}

/* clang-format off */
static const char *const session_actions[SESSION_ACTION_COUNT] = {
    [SESSION_DO_NOTHING]    = "nothing",
    [SESSION_DO_AWAIT_BOOT] = "await-boot",
    [SESSION_DO_UNWIND]     = "unwind",
    [SESSION_DO_START]      = "start",
    [SESSION_DO_STOP]       = "stop",
    [SESSION_DO_SWEEP]      = "sweep",
    [SESSION_DO_KILL]       = "kill",
    [SESSION_DO_SHUTDOWN]   = "shutdown",
    [SESSION_DO_WIPE]       = "wipe",
};

static const char *const service_actions[SERVICE_ACTION_COUNT] = {
    [SERVICE_DO_NOTHING]  = "nothing",
    [SERVICE_DO_SPAWN]    = "spawn",
    [SERVICE_DO_ANNOUNCE] = "announce",
    [SERVICE_DO_TERM]     = "term",
    [SERVICE_DO_KILL]     = "kill",
    [SERVICE_DO_DELAY]    = "delay",
    [SERVICE_DO_GIVE_UP]  = "give-up",
};
/* clang-format on */

/* How a failure shows which it was. */
static void tell(const struct mutation *mutation, uint8_t listed)
{
    bool is_service = mutation->is_service;
    printf("NOT NOTICED: %s %s, %s: %s for %s\n", is_service ? "service" : "session",
           is_service ? machine_service_state_name(mutation->state)
                      : machine_session_state_name(mutation->state),
           is_service ? machine_service_event_name(mutation->event)
                      : machine_session_event_name(mutation->event),
           is_service ? service_actions[mutation->action] : session_actions[mutation->action],
           is_service ? service_actions[listed] : session_actions[listed]);
}

struct tally {
    int tried;
    int missed;
};

/* Each other action in one cell of a table. */
static void try_actions(struct mutation mutation, uint8_t action_count, struct tally *tally)
{
    uint8_t listed = mutation.action;
    for (mutation.action = 0; mutation.action < action_count; mutation.action++) {
        if (mutation.action == listed)
            continue;
        tally->tried++;
        if (catch (&mutation) != NULL)
            continue;
        tally->missed++;
        tell(&mutation, listed);
    }
}

static void try_table(bool is_service, uint8_t state_count, uint8_t event_count,
                      uint8_t action_count, struct tally *tally)
{
    for (uint8_t state = 0; state < state_count; state++) {
        for (uint8_t event = 0; event < event_count; event++) {
            struct mutation listed = model_listed_transition(is_service, state, event);
            if (listed.next != 0)
                try_actions(listed, action_count, tally);
        }
    }
}

static void every_wrong_action_is_noticed(void **state)
{
    struct tally tally = {0};
    (void)state;
    assert_null(search_find_notice()); /* of the actions as they are */
    try_table(false, INIT_SESSION_STATE_COUNT, SESSION_EVENT_COUNT, SESSION_ACTION_COUNT, &tally);
    try_table(true, INIT_STATE_FAILED + 1, SERVICE_EVENT_COUNT, SERVICE_ACTION_COUNT, &tally);
    printf("%d wrong actions, %d not noticed\n", tally.tried, tally.missed);
    assert_true(tally.tried > 500);
    assert_int_equal(tally.missed, 0);
}

/* clang-format off */
static const char *const changes[] = {
    [TIME_NEVER]      = "is never armed",
    [TIME_TWICE]      = "is armed twice as long",
    [TIME_HALF]       = "is armed half as long",
    [TIME_RELATIVE]   = "is armed with a span",
    [TIME_REALTIME]   = "is armed by the wall clock",
    [TIME_FROM_NOW]   = "counts from now, not from the stop",
    [TIME_FROM_START] = "counts from the stop, not from now",
    [TIME_KEPT]       = "is not disarmed",
};
/* What can be wrong with every timer; the rest depends. */
#define FIRST_CHANGES (TIME_REALTIME + 1)

/* Each timer of a state. */
static const struct { const char *what; size_t timer; uint8_t state; } timed[] = {
    {"the deadline of unwinding",          INIT_TIMER_DEADLINE, INIT_SESSION_UNWINDING},
    {"the deadline of stopping",           INIT_TIMER_DEADLINE, INIT_SESSION_STOPPING},
    {"the deadline of sweeping",           INIT_TIMER_DEADLINE, INIT_SESSION_SWEEPING},
    {"the deadline of killing",            INIT_TIMER_DEADLINE, INIT_SESSION_KILLING},
    {"the deadline of the shutdown",       INIT_TIMER_DEADLINE, INIT_SESSION_SHUTDOWN},
    {"the deadline of the wiping",         INIT_TIMER_DEADLINE, INIT_SESSION_WIPING},
    {"web's ready timeout",                WEB,  INIT_STATE_STARTING},
    {"web's watchdog",                     WEB,  INIT_STATE_READY},
    {"web's wait before a restart",        WEB,  INIT_STATE_BACKOFF},
    {"web's KILL",                         WEB,  INIT_STATE_STOPPING},
    {"main's wait for a process",          MAIN, INIT_STATE_BACKOFF},
    {"main's KILL, and TERM after INT",    MAIN, INIT_STATE_STOPPING},
};

static const struct { const char *what; struct time_mutation mutation; } untimed[] = {
    {"the deadline of sweeping",           {INIT_TIMER_DEADLINE, INIT_SESSION_SWEEPING, TIME_FROM_NOW}},
    {"the deadline of the shutdown",       {INIT_TIMER_DEADLINE, INIT_SESSION_SHUTDOWN, TIME_FROM_NOW}},
    {"the deadline of killing",            {INIT_TIMER_DEADLINE, INIT_SESSION_KILLING, TIME_FROM_START}},
    {"the deadline of the wiping",         {INIT_TIMER_DEADLINE, INIT_SESSION_WIPING, TIME_FROM_START}},
    {"web's timer, once it has exited,",   {WEB, INIT_STATE_EXITED, TIME_KEPT}},
    {"web's timer, once it has failed,",   {WEB, INIT_STATE_FAILED, TIME_KEPT}},
    {"main's timer, once it has exited,",  {MAIN, INIT_STATE_EXITED, TIME_KEPT}},
    {"another look",                       {INIT_TIMER_TICK, 0, TIME_NEVER}},
    {"another look",                       {INIT_TIMER_TICK, 0, TIME_TWICE}},
    {"another look",                       {INIT_TIMER_TICK, 0, TIME_REALTIME}},
    {"the end of a rest",                  {INIT_TIMER_REAP, 0, TIME_NEVER}},
    {"the end of a rest",                  {INIT_TIMER_REAP, 0, TIME_TWICE}},
    {"the end of a rest",                  {INIT_TIMER_REAP, 0, TIME_REALTIME}},
    {"the end of a rest",                  {INIT_TIMER_REAP, 0, TIME_KEPT}},
};
/* clang-format on */

static void see_noticed(const char *what, const struct time_mutation *mutation)
{
    model_time_mutation = mutation;
    const char *violation = search_find_notice();
    model_time_mutation = NULL;
    printf("%-33s %-34s %s\n", what, changes[mutation->change],
           violation == NULL ? "NOT NOTICED" : violation);
    assert_non_null(violation);
}

static void every_wrong_time_is_noticed(void **state)
{
    (void)state;
    assert_null(search_find_notice()); /* of the times as they are */
    for (size_t i = 0; i < ARRAY_LENGTH(timed); i++) {
        for (int change = 0; change < FIRST_CHANGES; change++)
            see_noticed(timed[i].what, &(struct time_mutation){timed[i].timer, timed[i].state,
                                                               (enum time_change)change});
    }
    for (size_t i = 0; i < ARRAY_LENGTH(untimed); i++)
        see_noticed(untimed[i].what, &untimed[i].mutation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mutation_is_noticed),
        cmocka_unit_test(every_wrong_action_is_noticed),
        cmocka_unit_test(every_wrong_time_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
