/* Every short order of what may happen to PID 1, and many long ones: the invariants hold in all,
 * and for each changed transition there is one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "tests/unit/init/model.h"

/* Orders of this many happenings, all of them; with SOAK=1 deeper. */
#define DEPTH 5
#define DEPTH_SOAK 6
#define DEPTH_MUTATION 4
#define ROUNDS 20000
#define ROUNDS_SOAK 200000
#define ROUNDS_MUTATION 2000
#define LENGTH_MAX 60
/* Timers until a stop that is left alone must be over. */
#define END_STEPS_MAX 1000

struct search {
    enum happening order[LENGTH_MAX];
    bool forks_fail; /* from the first one on */
    int length;
    int depth;
    const char *violation; /* the first found; NULL: none */
    unsigned long orders;
};

/* The start, one at which no process can be made, everything runs, the beginnings of stops, and a
 * main service that cannot be started. */
static const struct {
    int length;
    enum happening order[3];
    bool forks_fail;
} beginnings[] = {
    {0, {0}, false},
    {0, {0}, true},
    {2, {BOOT_SAYS_READY, WEB_SAYS_READY}, false},
    {3, {BOOT_SAYS_READY, WEB_SAYS_READY, TERM_COMES}, false},
    {3, {BOOT_SAYS_READY, WEB_SAYS_READY, INT_COMES}, false},
    {3, {BOOT_SAYS_READY, FORKS_FAIL, WEB_SAYS_READY}, false},
};

/* A search from the beginning NUMBER on. */
static struct search begin(size_t number, int depth)
{
    struct search search = {.forks_fail = beginnings[number].forks_fail,
                            .length = beginnings[number].length,
                            .depth = beginnings[number].length + depth};
    memcpy(search.order, beginnings[number].order, sizeof(beginnings[number].order));
    return search;
}

static bool is_soaking(void)
{
    const char *value = getenv("SOAK");
    return value != NULL && strcmp(value, "1") == 0;
}

static void look(struct search *search)
{
    if (search->violation == NULL)
        search->violation = model_find_violation();
}

/* Told to stop and then left alone, PID 1 comes to its end. */
static void see_it_end(struct search *search)
{
    int steps = 0;
    if (model.init.stop_ns == 0)
        model_happen(TERM_COMES);
    while (model.init.state != INIT_SESSION_DONE && steps++ < END_STEPS_MAX) {
        if (!model_happen(TIME_PASSES))
            break;
    }
    look(search);
    if (search->violation == NULL && model.init.state != INIT_SESSION_DONE)
        search->violation = "a stop comes to its end";
}

static void replay(const struct search *search)
{
    model_reset(search->forks_fail);
    for (int i = 0; i < search->length; i++)
        model_happen(search->order[i]);
}

/* Each order is played from the start: PID 1 cannot be copied. */
static void explore(struct search *search)
{
    for (int what = 0; what < FIRST_RARE_HAPPENING && search->violation == NULL; what++) {
        replay(search);
        if (!model_happen((enum happening)what))
            continue;
        search->orders++;
        search->order[search->length++] = (enum happening)what;
        look(search);
        if (search->length == search->depth)
            see_it_end(search);
        else if (search->violation == NULL)
            explore(search);
        if (search->violation == NULL)
            search->length--;
    }
}

static void wander(struct search *search, unsigned int *seed)
{
    unsigned long orders = search->orders;
    *search = begin((size_t)rand_r(seed) % ARRAY_LENGTH(beginnings), 0);
    search->orders = orders;
    replay(search);
    while (search->length < LENGTH_MAX && search->violation == NULL) {
        enum happening what = (enum happening)(rand_r(seed) % HAPPENING_COUNT);
        if (model.init.state == INIT_SESSION_DONE)
            return;
        /* Stops are rare, or nothing else would be seen. */
        if ((what == TERM_COMES || what == INT_COMES) && rand_r(seed) % 8 != 0)
            continue;
        if (!model_happen(what))
            continue;
        search->order[search->length++] = what;
        search->orders++;
        look(search);
    }
    if (search->violation == NULL)
        see_it_end(search);
}

static void report(const struct search *search)
{
    fprintf(stderr, "does not hold: %s, after:", search->violation);
    for (int i = 0; i < search->length; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", model_happening_name(search->order[i]));
    fprintf(stderr, "\n");
}

static void every_short_order(void **state)
{
    int depth = is_soaking() ? DEPTH_SOAK : DEPTH;
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(beginnings); i++) {
        struct search search = begin(i, depth);
        explore(&search);
        if (search.violation != NULL)
            report(&search);
        assert_null(search.violation);
        assert_true(search.orders > 1000);
        printf("%lu orders of up to %d happenings after %d\n", search.orders, depth,
               beginnings[i].length);
    }
}

static void many_long_orders(void **state)
{
    struct search search = {0};
    const char *given = getenv("MODEL_SEED");
    unsigned int seed =
        given != NULL ? (unsigned int)strtoul(given, NULL, 10) : (unsigned int)time(NULL);
    int rounds = is_soaking() ? ROUNDS_SOAK : ROUNDS;
    (void)state;
    printf("MODEL_SEED=%u\n", seed);
    for (int i = 0; i < rounds && search.violation == NULL; i++)
        wander(&search, &seed);
    if (search.violation != NULL)
        report(&search);
    assert_null(search.violation);
    assert_true(search.orders > 10000);
}

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

/* The first invariant that notices what was changed. */
static const char *find_notice(void)
{
    unsigned int seed = 1;
    struct search search = {.violation = NULL};
    /* Most are noticed by a few long orders; the short ones reach what is rare there. */
    for (int i = 0; i < ROUNDS_MUTATION && search.violation == NULL; i++)
        wander(&search, &seed);
    for (size_t i = 0; i < ARRAY_LENGTH(beginnings) && search.violation == NULL; i++) {
        search = begin(i, DEPTH_MUTATION);
        explore(&search);
    }
    return search.violation;
}

static const char *catch (const struct mutation *mutation)
{
    model_mutation = mutation;
    const char *violation = find_notice();
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
    const char *violation = find_notice();
    model_time_mutation = NULL;
    printf("%-33s %-34s %s\n", what, changes[mutation->change],
           violation == NULL ? "NOT NOTICED" : violation);
    assert_non_null(violation);
}

static void every_wrong_time_is_noticed(void **state)
{
    (void)state;
    assert_null(find_notice()); /* of the times as they are */
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
        cmocka_unit_test(every_short_order),
        cmocka_unit_test(many_long_orders),
        cmocka_unit_test(every_mutation_is_noticed),
        cmocka_unit_test(every_wrong_time_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
