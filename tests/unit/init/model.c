/* What may happen to PID 1, done to it. */
#include "tests/unit/init/model.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "tests/unit/init/model_kernel.h"

#define MS CLOCK_NANOSECONDS_PER_MILLISECOND
/* Longer than what a timer that was held up may be late, and no deadline's multiple. */
#define FROZEN_MS 613
#define CROWD 40

struct model model;

/* clang-format off */
static const struct init_service rows[] = {
    [WEB] = {
        .name = "web", .flags = INIT_SERVICE_READY_FD | INIT_SERVICE_RESTART | INIT_SERVICE_REQUIRED,
        .restart_limit = MODEL_RESTARTS, .restart_window_ms = 0,
        .backoff_ms = 10, .backoff_max_ms = 15, .ready_timeout_ms = 50, .stop_grace_ms = 40,
        .watchdog_ms = 70, .store_max = 1,
        .argument_count = 1, .strings_size = sizeof("web"), .strings = "web",
    },
    [MAIN] = {
        .name = "main", .flags = INIT_SERVICE_MAIN, .stop_grace_ms = 60,
        .dependency_count = 1, .dependencies = {WEB},
        .argument_count = 1, .strings_size = sizeof("main"), .strings = "main",
    },
    [EXTRA] = {
        .name = "extra", .flags = INIT_SERVICE_RESTART,
        .restart_limit = MODEL_RESTARTS, .backoff_ms = 10, .backoff_max_ms = 15, .stop_grace_ms = 40,
        .dependency_count = 1, .dependencies = {WEB},
        .argument_count = 1, .strings_size = sizeof("extra"), .strings = "extra",
    },
};
/* clang-format on */

/* As main.c's loop, as long as something wakes it. */
static void run(struct init *init)
{
    bool has_more = model.is_woken;
    while ((has_more || kernel_has_signals()) && init->state != INIT_SESSION_DONE) {
        if (kernel_has_signals())
            session_on_signal(init, 1);
        has_more = reap_children(init);
        supervisor_settle(init);
        session_settle(init);
    }
    promises_note_rest();
}

void model_reset(bool forks_fail)
{
    static const char *const no_arguments[] = {NULL};
    struct init *init = &model.init;
    memset(init, 0, offsetof(struct init, services));
    for (int i = 0; i < MODEL_SERVICES; i++) {
        memset(&init->services[i], 0, offsetof(struct service, row));
        memcpy(&init->services[i].row, &rows[i], offsetof(struct init_service, strings) + 8);
        service_reset(&init->services[i]);
        init->services[i].init = init;
    }
    memset(&model.now_ns, 0, sizeof(model) - offsetof(struct model, now_ns));
    kernel_reset();
    model.now_ns = 1000 * MS;
    init->loop.sources = init->sources;
    init->loop.timers = init->timers;
    init->is_pid1 = true;
    init->signal_fd = MODEL_SIGNAL_FD;
    init->boot_fd = init->control_fd = init->channel_fd = init->pending_program = -1;
    for (int i = 0; i < INIT_PROGRAM_COUNT; i++)
        init->programs[i] = CHILD_NONE;
    init->grace_ms = MODEL_GRACE_MS;
    init->boot_program = "boot";
    init->boot_arguments = no_arguments;
    init->main = &init->services[MAIN];
    init->service_count = MODEL_SERVICES;
    model.forks_fail = forks_fail;
    model.is_woken = true;
    program_start(init, INIT_PROGRAM_BOOT);
    run(init);
}

/* Calls what watches FD, which finds MESSAGE. False when nobody watches. */
static bool say(int fd, const void *data, size_t size)
{
    struct event_loop *loop = &model.init.loop;
    if (fd < 0)
        return false;
    for (int i = 0; i < INIT_SOURCES_MAX; i++) {
        if (loop->sources[i].callback == NULL || loop->sources[i].fd != fd)
            continue;
        model.is_woken = true;
        kernel_send(&(struct kernel_message){.fd = fd, .data = data, .size = size});
        loop->sources[i].callback(loop->sources[i].context, 1);
        return true;
    }
    return false;
}

static bool boot_says(uint32_t version, uint32_t type, uint32_t value)
{
    const struct {
        uint32_t version, type, value;
    } message = {version, type, value};
    return kernel_find(PROCESS_BOOT) != NULL &&
           say(model.init.boot_fd, &message, offsetof(struct init_boot_message, service));
}

static bool boot_says_ready(void)
{
    return boot_says(INIT_PROTOCOL_VERSION, INIT_BOOT_READY, 0);
}

/* Once it has said that it is ready, nobody listens. */
static bool refuse(uint32_t value)
{
    bool had_refused = model.has_refused;
    model.has_refused |= model.init.state <= INIT_SESSION_UNWINDING;
    if (boot_says(INIT_PROTOCOL_VERSION, INIT_BOOT_REFUSED, value))
        return true;
    model.has_refused = had_refused;
    return false;
}

static bool boot_refuses(void)
{
    return refuse(211);
}

/* It is not root any more, and leaves everything up. */
static bool boot_refuses_late(void)
{
    return refuse(211 | INIT_BOOT_STANDING);
}

static bool boot_talks_nonsense(void)
{
    return boot_says(99, 99, 99);
}

static bool web_says_ready(void)
{
    static const struct init_notice ready = {.word = INIT_NOTICE_READY};
    return kernel_find(PROCESS_WEB) != NULL &&
           say(model.init.services[WEB].notice_fd, &ready, sizeof(ready));
}

static bool web_says_it_lives(void)
{
    static const struct init_notice alive = {.word = INIT_NOTICE_ALIVE};
    if (kernel_find(PROCESS_WEB) == NULL || model.init.services[WEB].notice_fd < 0)
        return false;
    promises_note_life();
    return say(model.init.services[WEB].notice_fd, &alive, sizeof(alive));
}

static bool term_comes(void)
{
    model.terms++;
    kernel_signal(SIGTERM);
    return true;
}

static bool int_comes(void)
{
    model.terms++;
    model.is_interrupted |= model.stop_ns == 0;
    kernel_signal(SIGINT);
    return true;
}

/* As agent-initctl does. */
static bool order(int number, bool is_restart)
{
    struct service *service = &model.init.services[number];
    if (model.init.state != INIT_SESSION_RUNNING)
        return false;
    model.starts[number] = is_restart ? 0 : model.starts[number];
    model.is_restart_wanted[number] =
        is_restart && kernel_is_unreaped((enum process_kind)(PROCESS_WEB + number));
    model.is_woken = true;
    (is_restart ? supervisor_restart : supervisor_stop)(&model.init, service);
    return true;
}

static bool restart_web(void)
{
    return order(WEB, true);
}

static bool stop_web(void)
{
    return order(WEB, false);
}

static bool restart_extra(void)
{
    return order(EXTRA, true);
}

static bool stop_extra(void)
{
    return order(EXTRA, false);
}

static bool forks_fail(void)
{
    model.forks_fail = !model.forks_fail;
    return true;
}

/* What control.c does then. */
static bool client_fails(void)
{
    model.is_woken = true;
    promises_note_client(false);
    session_tick(&model.init, 1000);
    return true;
}

static bool looks_are_slow(void)
{
    model.looks_are_slow = !model.looks_are_slow;
    return true;
}

/* When something is to be done next, by PID 1's timers or by what it promised. 0: never. */
static uint64_t next_time(void)
{
    uint64_t next_ns = promises_next();
    for (int i = 0; i < INIT_TIMER_COUNT; i++) {
        uint64_t deadline_ns = model.init.timers[i].deadline_ns;
        if (deadline_ns != 0 && (next_ns == 0 || deadline_ns < next_ns))
            next_ns = deadline_ns;
    }
    return next_ns;
}

/* As event_loop.c does. What was promised for a time wakes nobody. */
static bool time_passes(void)
{
    struct event_timer *timers = model.init.timers;
    uint64_t next_ns = next_time();
    if (next_ns == 0)
        return false;
    if (next_ns > model.now_ns)
        model.now_ns = next_ns;
    promises_ring();
    for (int i = 0; i < INIT_TIMER_COUNT; i++) {
        if (timers[i].deadline_ns == 0 || timers[i].deadline_ns > model.now_ns)
            continue;
        model.is_woken = true;
        model.is_reap_vain |= i == INIT_TIMER_REAP && !kernel_has_dead();
        timers[i].deadline_ns = 0;
        timers[i].callback(timers[i].context);
    }
    return true;
}

static bool freeze_passes(void)
{
    model.now_ns += FROZEN_MS * MS;
    model.frozen_ns += FROZEN_MS * MS;
    return true;
}

static bool kill_is_held(void)
{
    model.is_kill_held = !model.is_kill_held;
    for (int i = 0; i < model.process_count && !model.is_kill_held; i++) {
        struct process *process = &model.processes[i];
        if (process->is_alive && process->got_kill && process->kind != PROCESS_STUCK)
            kernel_end(process, SIGKILL);
    }
    return true;
}

static bool looks_are_held(void)
{
    model.looks_are_held = !model.looks_are_held;
    return true;
}

/* Who was killed makes nobody any more, however long KILL is held up. */
static bool may_make_others(enum process_kind kind)
{
    const struct process *process = kernel_find(kind);
    return process != NULL && !process->got_kill;
}

static bool may_come(void)
{
    return may_make_others(PROCESS_MAIN) || may_make_others(PROCESS_BOOT);
}

static bool crowd_ends(void)
{
    if (!may_come() || model.process_count + CROWD > MODEL_PROCESSES_MAX)
        return false;
    for (int i = 0; i < CROWD; i++)
        kernel_end(&model.processes[kernel_add_process(PROCESS_ORPHAN) - MODEL_FIRST_PID], 0);
    return true;
}

/* Once the work is saved nobody is waited for. */
static bool visitor_comes(void)
{
    return model.init.state < INIT_SESSION_SHUTDOWN && kernel_find(PROCESS_VISITOR) == NULL &&
           kernel_add_process(PROCESS_VISITOR) > 0;
}

/* clang-format off */
static const struct {
    const char *name;
    bool (*happen)(void);   /* false: not now. NULL: a process ends or comes */
    bool is_coming;
    enum process_kind kind;
    int wait_status;
} happenings[HAPPENING_COUNT] = {
    [BOOT_SAYS_READY]     = {.name = "boot says ready",           .happen = boot_says_ready},
    [BOOT_REFUSES]        = {.name = "boot refuses",              .happen = boot_refuses},
    [BOOT_REFUSES_LATE]   = {.name = "boot refuses, all up",      .happen = boot_refuses_late},
    [BOOT_TALKS_NONSENSE] = {.name = "boot talks nonsense",       .happen = boot_talks_nonsense},
    [BOOT_ENDS]           = {.name = "boot ends",                 .kind = PROCESS_BOOT},
    [WEB_SAYS_READY]      = {.name = "web says ready",            .happen = web_says_ready},
    [WEB_SAYS_IT_LIVES]   = {.name = "web says that it lives",    .happen = web_says_it_lives},
    [WEB_ENDS]            = {.name = "web ends",                  .kind = PROCESS_WEB, .wait_status = 1 << 8},
    [MAIN_ENDS]           = {.name = "main ends",                 .kind = PROCESS_MAIN, .wait_status = 7 << 8},
    [ORPHAN_COMES]        = {.name = "an orphan comes",           .kind = PROCESS_ORPHAN, .is_coming = true},
    [ORPHAN_ENDS]         = {.name = "an orphan ends",            .kind = PROCESS_ORPHAN},
    [STUCK_COMES]         = {.name = "a stuck process comes",     .kind = PROCESS_STUCK, .is_coming = true},
    [TERM_COMES]          = {.name = "TERM comes",                .happen = term_comes},
    [INT_COMES]           = {.name = "INT comes",                 .happen = int_comes},
    [RESTART_WEB]         = {.name = "web is to be restarted",    .happen = restart_web},
    [STOP_WEB]            = {.name = "web is to be stopped",      .happen = stop_web},
    [FORKS_FAIL]          = {.name = "forks fail, or work again", .happen = forks_fail},
    [CLIENT_FAILS]        = {.name = "a client cannot be let in", .happen = client_fails},
    [LOOKS_ARE_SLOW]      = {.name = "looks are slow, or quick again", .happen = looks_are_slow},
    [SHUTDOWN_SUCCEEDS]   = {.name = "the shutdown succeeds",     .kind = PROCESS_SHUTDOWN},
    [SHUTDOWN_FAILS]      = {.name = "the shutdown fails",        .kind = PROCESS_SHUTDOWN, .wait_status = 1 << 8},
    [WIPE_ENDS]           = {.name = "the wiping ends",           .kind = PROCESS_WIPE},
    [TIME_PASSES]         = {.name = "time passes",               .happen = time_passes},
    [FREEZE_PASSES]       = {.name = "a freeze passes",           .happen = freeze_passes},
    [CROWD_ENDS]          = {.name = "a crowd of orphans ends",   .happen = crowd_ends},
    [LOOKS_ARE_HELD]      = {.name = "looks are held up, or no longer", .happen = looks_are_held},
    [VISITOR_COMES]       = {.name = "a visitor comes",           .happen = visitor_comes},
    [VISITOR_LEAVES]      = {.name = "the visitor leaves",        .kind = PROCESS_VISITOR},
    [KILL_IS_HELD]        = {.name = "KILL is held up, or no longer", .happen = kill_is_held},
    [EXTRA_ENDS]          = {.name = "extra ends",                .kind = PROCESS_EXTRA, .wait_status = 1 << 8},
    [RESTART_EXTRA]       = {.name = "extra is to be restarted",  .happen = restart_extra},
    [STOP_EXTRA]          = {.name = "extra is to be stopped",    .happen = stop_extra},
};
/* clang-format on */

const char *model_happening_name(enum happening what)
{
    return happenings[what].name;
}

/* A process comes only while somebody lives who could make it, and one of a kind at a time. */
static bool move_process(enum happening what)
{
    enum process_kind kind = happenings[what].kind;
    struct process *process = kernel_find(kind);
    if (happenings[what].is_coming)
        return process == NULL && may_come() && kernel_add_process(kind) > 0;
    if (process == NULL)
        return false;
    kernel_end(process, happenings[what].wait_status);
    model.shutdown_succeeded |= what == SHUTDOWN_SUCCEEDS;
    return true;
}

bool model_happen(enum happening what)
{
    struct init *init = &model.init;
    if (init->state == INIT_SESSION_DONE)
        return false;
    model.is_reap_vain = model.is_woken = false;
    bool has_happened =
        happenings[what].happen != NULL ? happenings[what].happen() : move_process(what);
    if (!has_happened)
        return false;
    run(init);
    while (model.events_seen < init->last_sequence) {
        const struct init_event *event = events_find(init, ++model.events_seen);
        if (event != NULL)
            record_note_entry(event);
    }
    return true;
}
