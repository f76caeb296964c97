/* What PID 1 has promised to do and when, kept from what is seen of it and from the manual alone:
 * no timer of its own is asked. */
#include <signal.h>
#include <stddef.h>

#include "lib/base/clock.h"
#include "tests/unit/init/model.h"
#include "tests/unit/init/model_kernel.h"

#define MS CLOCK_NANOSECONDS_PER_MILLISECOND
#define GRACE (MODEL_GRACE_MS * MS)
#define WINDOW (GRACE / 3)
/* A part of a stop, in nanoseconds as PID 1 counts them. */
#define TWO_THIRDS(span) ((span) / 3 * 2)
/* What a program may take beyond what it was told. */
#define SLACK (250 * MS)
/* Nobody tells of whoever entered from outside. */
#define NEXT_LOOK (20 * MS)
#define LISTEN_AGAIN (1000 * MS)
#define RESTS_PER_LOOK 10
/* A timer that rings later than that was held up, and gives another period. */
#define LATE (500 * MS)
#define BACKOFF (10 * MS)
#define START_RETRY (100 * MS)
#define START_TRIES 8

static void make(enum promise_kind kind, uint64_t due_ns)
{
    model.promises[kind] = (struct promise){.due_ns = due_ns, .rings = model.rings};
}

static void drop(enum promise_kind kind)
{
    model.promises[kind].due_ns = 0;
}

/* Something was done that is done when KIND is due. */
static void keep(enum promise_kind kind)
{
    uint64_t due_ns = model.promises[kind].due_ns;
    model.early += due_ns == 0 || model.now_ns < due_ns;
}

/* clang-format off */
/* The table of docs/init.md: a state is over so long after the stop began, or after it was entered,
 * whichever is later. */
static const struct { uint64_t from_stop, from_now, slack; } session_spans[INIT_SESSION_STATE_COUNT] = {
    [INIT_SESSION_UNWINDING] = {.from_stop = TWO_THIRDS(GRACE)},
    [INIT_SESSION_STOPPING]  = {.from_stop = TWO_THIRDS(WINDOW)},
    [INIT_SESSION_SWEEPING]  = {.from_stop = WINDOW, .from_now = WINDOW / 3},
    [INIT_SESSION_KILLING]   = {.from_now = 1000 * MS},
    [INIT_SESSION_SHUTDOWN]  = {.from_stop = GRACE, .from_now = 500 * MS, .slack = SLACK},
    [INIT_SESSION_WIPING]    = {.from_now = 1000 * MS, .slack = SLACK},
};
/* clang-format on */

static void promise_end(enum init_session_state state)
{
    uint64_t from_stop_ns = model.stop_ns + session_spans[state].from_stop;
    uint64_t from_now_ns = model.now_ns + session_spans[state].from_now;
    make(PROMISE_SESSION,
         (from_stop_ns > from_now_ns ? from_stop_ns : from_now_ns) + session_spans[state].slack);
}

void promises_note_session_event(enum session_event event)
{
    if (event == SESSION_DEADLINE)
        keep(PROMISE_SESSION);
}

/* The saving of work is cut short by its own end, by its deadline or by a third TERM. */
static bool is_shutdown_over(void)
{
    return model.terms >= 3 || kernel_find(PROCESS_SHUTDOWN) == NULL ||
           model.now_ns >= model.promises[PROMISE_SESSION].due_ns;
}

void promises_note_session(enum init_session_state from, enum init_session_state to)
{
    if (from == to)
        return;
    model.early += from == INIT_SESSION_SHUTDOWN && !is_shutdown_over();
    if (model.stop_ns == 0 && to != INIT_SESSION_RUNNING)
        model.stop_ns = model.now_ns;
    if (to == INIT_SESSION_SWEEPING)
        model.swept = model.process_count;
    if (to != INIT_SESSION_RUNNING && to != INIT_SESSION_DONE)
        promise_end(to);
    /* Nobody waits any more. */
    for (int kind = 0; to == INIT_SESSION_DONE && kind < PROMISE_COUNT; kind++)
        drop((enum promise_kind)kind);
}

static int number_of(const enum init_service_state *state)
{
    int number = WEB;
    while (state != &model.init.services[number].state)
        number++;
    return number;
}

/* The wait before the next start of a service: its row's, none when it was asked for, or that for
 * another attempt to make a process. */
static uint64_t delay_of(int number)
{
    int failed = model.failed_starts[number];
    if (failed > 0 && failed <= START_TRIES)
        return START_RETRY * (uint64_t)failed;
    return model.is_restart_wanted[number] ? 0 : BACKOFF;
}

static void promise_stop(int number)
{
    uint64_t grace = model.init.services[number].row.stop_grace_ms * MS;
    bool is_interrupted = number == MAIN && model.is_interrupted;
    make((enum promise_kind)number, model.now_ns + (is_interrupted ? grace / 3 : grace));
    model.promises[number].signal = is_interrupted ? SIGTERM : SIGKILL;
}

void promises_note_service_event(const enum init_service_state *state, enum service_event event)
{
    if (event == SERVICE_TIMER)
        keep((enum promise_kind)number_of(state));
}

void promises_note_service(const enum init_service_state *state, enum init_service_state from)
{
    int number = number_of(state);
    const struct init_service *row = &model.init.services[number].row;
    enum promise_kind kind = (enum promise_kind)number;
    if (*state == from)
        return;
    drop(kind);
    if (*state == INIT_STATE_STARTING && row->ready_timeout_ms != 0)
        make(kind, model.now_ns + row->ready_timeout_ms * MS);
    if (*state == INIT_STATE_READY && row->watchdog_ms != 0)
        make(kind, model.now_ns + row->watchdog_ms * MS);
    if (*state == INIT_STATE_BACKOFF)
        make(kind, model.now_ns + delay_of(number));
    if (*state == INIT_STATE_STOPPING)
        promise_stop(number);
}

void promises_note_life(void)
{
    if (model.init.services[WEB].state == INIT_STATE_READY)
        make(PROMISE_WEB, model.now_ns + model.init.services[WEB].row.watchdog_ms * MS);
}

void promises_note_signal(pid_t pid, int signal)
{
    for (int number = 0; number < MODEL_SERVICES; number++) {
        const struct service *service = &model.init.services[number];
        struct promise *promise = &model.promises[number];
        if (service->child.pid != pid || service->state != INIT_STATE_STOPPING)
            continue;
        if (signal == SIGKILL)
            keep((enum promise_kind)number);
        if (promise->due_ns == 0 || signal != promise->signal)
            continue;
        drop((enum promise_kind)number);
        if (signal == SIGKILL)
            continue;
        make((enum promise_kind)number, model.now_ns + TWO_THIRDS(service->row.stop_grace_ms * MS));
        promise->signal = SIGKILL;
    }
}

void promises_note_client(bool is_let_in)
{
    if (is_let_in)
        drop(PROMISE_LISTEN);
    else
        make(PROMISE_LISTEN, model.now_ns + LISTEN_AGAIN);
}

/* A last attempt may come in the round in which its time is over. */
void promises_note_told(uint64_t deadline_ns)
{
    if (model.init.state == INIT_SESSION_DONE)
        return;
    model.wrongly_told += deadline_ns + SLACK != model.promises[PROMISE_SESSION].due_ns;
}

static bool is_kill_owed(void)
{
    for (int i = 0; i < model.process_count && model.init.state == INIT_SESSION_KILLING; i++) {
        if (model.processes[i].is_alive && !model.processes[i].got_kill)
            return true;
    }
    return false;
}

/* In force from now on, as it was, or no longer. */
static void renew(enum promise_kind kind, bool is_owed, uint64_t due_ns)
{
    if (!is_owed)
        drop(kind);
    else if (model.promises[kind].due_ns == 0)
        make(kind, due_ns);
}

void promises_note_rest(void)
{
    enum init_session_state state = model.init.state;
    bool is_waiting = state == INIT_SESSION_SWEEPING || state == INIT_SESSION_KILLING;
    renew(PROMISE_EMPTY, is_waiting && kernel_is_empty(), model.now_ns + NEXT_LOOK);
    renew(PROMISE_KILL, is_kill_owed(), model.now_ns + NEXT_LOOK);
    renew(PROMISE_LOOK, state != INIT_SESSION_DONE && kernel_has_dead(),
          model.looked_ns + RESTS_PER_LOOK * model.look_ns);
}

uint64_t promises_next(void)
{
    uint64_t next_ns = 0;
    for (int kind = 0; kind < PROMISE_COUNT; kind++) {
        uint64_t due_ns = model.promises[kind].due_ns;
        if (due_ns != 0 && (next_ns == 0 || due_ns < next_ns))
            next_ns = due_ns;
    }
    return next_ns;
}

void promises_ring(void)
{
    model.rung_ns = model.now_ns;
    model.rings++;
    for (int number = 0; number < MODEL_SERVICES; number++) {
        const struct service *service = &model.init.services[number];
        struct promise *promise = &model.promises[number];
        bool is_excused =
            service->state == INIT_STATE_STARTING || service->state == INIT_STATE_READY;
        if (!is_excused || promise->due_ns == 0 || model.now_ns <= promise->due_ns + LATE)
            continue;
        uint32_t given_ms = service->state == INIT_STATE_READY ? service->row.watchdog_ms
                                                               : service->row.ready_timeout_ms;
        make((enum promise_kind)number, model.now_ns + given_ms * MS);
    }
}

/* A service that is dead already needs no signal. */
static bool is_needed(int kind)
{
    if (kind >= MODEL_SERVICES || model.promises[kind].signal == 0)
        return true;
    pid_t pid = model.init.services[kind].child.pid;
    return pid != 0 && kernel_is_alive(pid);
}

bool promises_are_kept(void)
{
    for (int kind = 0; kind < PROMISE_COUNT; kind++) {
        const struct promise *promise = &model.promises[kind];
        if (promise->due_ns != 0 && promise->due_ns <= model.rung_ns &&
            promise->rings != model.rings && is_needed(kind))
            return false;
    }
    return true;
}
