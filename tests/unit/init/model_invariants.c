/* What must hold for PID 1 after whatever happened. */
#include <stddef.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "tests/unit/init/model.h"
#include "tests/unit/init/model_kernel.h"

/* The grace, and what killing, shutting down and wiping may take beyond it. */
#define STOP_MS_MAX (MODEL_GRACE_MS + 100 + 1000 + 750 + 1250)
/* Between two attempts to start a program. */
#define PROGRAM_RETRY_MS 100
#define BIT(number) (1U << (number))

/* clang-format off */
/* Written from the manual, not from the tables: a stop only goes on, and each end is a way down. */
static const uint32_t session_moves[INIT_SESSION_STATE_COUNT] = {
    [INIT_SESSION_BOOTING]   = BIT(INIT_SESSION_RUNNING) | BIT(INIT_SESSION_UNWINDING) | BIT(INIT_SESSION_SWEEPING),
    [INIT_SESSION_UNWINDING] = BIT(INIT_SESSION_SWEEPING) | BIT(INIT_SESSION_KILLING),
    [INIT_SESSION_RUNNING]   = BIT(INIT_SESSION_STOPPING),
    [INIT_SESSION_STOPPING]  = BIT(INIT_SESSION_SWEEPING) | BIT(INIT_SESSION_KILLING),
    [INIT_SESSION_SWEEPING]  = BIT(INIT_SESSION_KILLING) | BIT(INIT_SESSION_SHUTDOWN),
    [INIT_SESSION_KILLING]   = BIT(INIT_SESSION_SHUTDOWN) | BIT(INIT_SESSION_WIPING),
    [INIT_SESSION_SHUTDOWN]  = BIT(INIT_SESSION_WIPING) | BIT(INIT_SESSION_DONE),
    [INIT_SESSION_WIPING]    = BIT(INIT_SESSION_DONE),
};

static const uint32_t service_moves[INIT_STATE_FAILED + 1] = {
    [INIT_STATE_WAITING]  = BIT(INIT_STATE_STARTING) | BIT(INIT_STATE_EXITED) | BIT(INIT_STATE_FAILED),
    [INIT_STATE_STARTING] = BIT(INIT_STATE_READY) | BIT(INIT_STATE_STOPPING) | BIT(INIT_STATE_BACKOFF) |
                            BIT(INIT_STATE_EXITED) | BIT(INIT_STATE_FAILED),
    [INIT_STATE_READY]    = BIT(INIT_STATE_STOPPING) | BIT(INIT_STATE_BACKOFF) |
                            BIT(INIT_STATE_EXITED) | BIT(INIT_STATE_FAILED),
    [INIT_STATE_BACKOFF]  = BIT(INIT_STATE_WAITING) | BIT(INIT_STATE_EXITED),
    [INIT_STATE_STOPPING] = BIT(INIT_STATE_BACKOFF) | BIT(INIT_STATE_EXITED) | BIT(INIT_STATE_FAILED),
    [INIT_STATE_EXITED]   = BIT(INIT_STATE_WAITING),
    [INIT_STATE_FAILED]   = BIT(INIT_STATE_WAITING),
};
/* clang-format on */

void model_note_move(bool is_service, uint32_t from, uint32_t to)
{
    uint32_t followers = is_service ? service_moves[from] : session_moves[from];
    model.bad_moves += from != to && (followers & BIT(to)) == 0;
}

static bool is_done(void)
{
    return model.init.state == INIT_SESSION_DONE;
}

static bool only_listed_moves(void)
{
    return model.bad_moves == 0;
}

static bool what_is_not_listed_is_refused_and_logged(void)
{
    return model.rejected == model.rejections_recorded;
}

static bool may_be_left(enum process_kind kind)
{
    return kind == PROCESS_WIPE || kind == PROCESS_VISITOR;
}

/* Nobody is left whom it has not killed, but the wiping when its time is over, and who entered
 * after the last look for somebody to kill. */
static bool it_exits_only_when_it_owes_nothing(void)
{
    for (int i = 0; is_done() && i < model.process_count; i++) {
        const struct process *process = &model.processes[i];
        if (process->is_alive && !process->got_kill && !may_be_left(process->kind))
            return false;
    }
    return true;
}

static bool is_reap_due(void)
{
    return model.init.timers[INIT_TIMER_REAP].deadline_ns != 0;
}

/* None twice, and each dead one has been or will be; at the end the kernel does it for orphans and
 * for what was killed on the way out. */
static bool every_child_is_reaped_once(void)
{
    for (int i = 0; i < model.process_count; i++) {
        const struct process *process = &model.processes[i];
        bool is_left = !process->is_alive && process->kind != PROCESS_VISITOR &&
                       process->reaped == 0 && !is_reap_due() &&
                       !(is_done() && (process->got_kill || process->kind == PROCESS_ORPHAN));
        if (is_left || process->reaped > 1)
            return false;
    }
    return true;
}

/* Whatever else made the last look long. */
static bool the_dead_wait_only_after_a_walk(void)
{
    return is_done() || !kernel_has_dead() || model.is_walk;
}

/* Or it would wake again and again as long as thousands live. */
static bool a_look_in_vain_asks_for_no_other(void)
{
    return !model.is_reap_vain || kernel_has_dead() || !is_reap_due();
}

static bool a_program_is_soon_tried_again(void)
{
    uint64_t soon_ns = model.now_ns + PROGRAM_RETRY_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    uint64_t tick_ns = model.init.timers[INIT_TIMER_TICK].deadline_ns;
    return is_done() || model.init.pending_program < 0 || (tick_ns != 0 && tick_ns <= soon_ns);
}

static bool every_service_with_a_process_knows_it(void)
{
    for (int i = 0; i < MODEL_SERVICES; i++) {
        const struct service *service = &model.init.services[i];
        pid_t pid = service->child.pid;
        if (service_has_process(service) != (pid != 0))
            return false;
        if (pid != 0 && model.processes[pid - MODEL_FIRST_PID].reaped != 0)
            return false;
    }
    return true;
}

static bool no_stop_waits_without_a_deadline(void)
{
    enum init_session_state state = model.init.state;
    bool is_waiting = state != INIT_SESSION_BOOTING && state != INIT_SESSION_RUNNING && !is_done();
    return !is_waiting || model.init.timers[INIT_TIMER_DEADLINE].deadline_ns != 0;
}

/* A wrong time must be noticed by what comes of it, so this is for wrong actions. */
static bool each_timer_is_armed_for_its_time(void)
{
    if (model_time_mutation != NULL)
        return true;
    for (int i = 0; i < MODEL_SERVICES && !is_done(); i++) {
        if (model.init.timers[i].deadline_ns != model.promises[i].due_ns)
            return false;
    }
    return is_done() || model.init.timers[INIT_TIMER_DEADLINE].deadline_ns ==
                            model.promises[PROMISE_SESSION].due_ns;
}

static bool nobody_asks_for_what_is_refused(void)
{
    return model.refused == 0;
}

static bool nobody_is_signalled_who_is_not_to_be(void)
{
    return model.misled == 0;
}

static bool each_program_runs_once_and_in_its_state(void)
{
    return model.misplaced == 0;
}

static bool nothing_is_early(void)
{
    return model.early == 0;
}

static bool no_timer_is_armed_for_the_past(void)
{
    return model.armed_for_the_past == 0;
}

static bool programs_know_their_time(void)
{
    return model.wrongly_told == 0;
}

static bool is_told(const struct process *process)
{
    return !process->is_alive || (process->got_stop && process->is_continued);
}

/* A stopped one cannot obey. Boot, when it refused, goes down by itself. */
static bool who_is_to_stop_is_told_and_continued(void)
{
    const struct process *boot = kernel_find(PROCESS_BOOT);
    enum init_session_state state = model.init.state;
    if (state == INIT_SESSION_UNWINDING && !model.has_refused && boot != NULL && !is_told(boot))
        return false;
    for (int i = 0; i < model.swept && state == INIT_SESSION_SWEEPING; i++) {
        if (!is_told(&model.processes[i]))
            return false;
    }
    for (int i = 0; i < MODEL_SERVICES; i++) {
        const struct service *service = &model.init.services[i];
        if (service->state == INIT_STATE_STOPPING &&
            !is_told(&model.processes[service->child.pid - MODEL_FIRST_PID]))
            return false;
    }
    return true;
}

/* Once it is killed, or dead already, its end is only a matter of reaping. */
static bool may_live_on(const struct service *service)
{
    const struct process *process = &model.processes[service->child.pid - MODEL_FIRST_PID];
    return process->is_alive && !process->got_kill;
}

static bool no_service_waits_without_a_deadline(void)
{
    for (int i = 0; i < MODEL_SERVICES; i++) {
        const struct service *service = &model.init.services[i];
        bool is_timed =
            service->state == INIT_STATE_BACKOFF ||
            (service->state == INIT_STATE_STARTING && service->row.ready_timeout_ms != 0) ||
            (service->state == INIT_STATE_READY && service->row.watchdog_ms != 0) ||
            (service->state == INIT_STATE_STOPPING && may_live_on(service));
        if (is_timed && model.init.timers[i].deadline_ns == 0)
            return false;
    }
    return true;
}

/* One that is left over would be taken for that of a later state. */
static bool no_timer_outlives_its_state(void)
{
    for (int i = 0; i < MODEL_SERVICES; i++) {
        enum init_service_state state = model.init.services[i].state;
        bool is_untimed =
            state == INIT_STATE_WAITING || state == INIT_STATE_EXITED || state == INIT_STATE_FAILED;
        if (is_untimed && model.init.timers[i].deadline_ns != 0)
            return false;
    }
    return true;
}

static bool a_stop_ends_in_its_time(void)
{
    uint64_t spent_ns = model.now_ns - model.init.stop_ns;
    return model.init.stop_ns == 0 ||
           spent_ns <= model.frozen_ns + STOP_MS_MAX * CLOCK_NANOSECONDS_PER_MILLISECOND;
}

/* Where boot took everything back itself there is nothing to wipe. */
static bool the_wipe_always_runs(void)
{
    return !is_done() || model.init.is_unwound || model.shutdown_succeeded || model.wipe_was_tried;
}

/* It saves the work, so only a forced stop goes without. */
static bool an_unforced_stop_shuts_down(void)
{
    return !is_done() || model.has_refused || model.terms >= 3 || model.shutdown_was_tried;
}

static bool restarts_stay_within_their_limit(void)
{
    for (int i = 0; i < MODEL_SERVICES; i++) {
        if (model.starts[i] > MODEL_RESTARTS + 1)
            return false;
    }
    return true;
}

static bool services_start_only_while_it_runs(void)
{
    return model.starts_while_not_running == 0;
}

static bool a_second_TERM_shortens(void)
{
    return model.terms < 2 || model.init.state >= INIT_SESSION_KILLING;
}

static bool a_third_TERM_forces(void)
{
    return model.terms < 3 || model.init.state >= INIT_SESSION_WIPING;
}

static bool no_descriptor_is_lost(void)
{
    const struct init *init = &model.init;
    int known = init->boot_fd >= 0;
    for (int i = 0; i < INIT_PROGRAM_COUNT; i++)
        known += init->programs[i].pidfd >= 0;
    for (int i = 0; i < MODEL_SERVICES; i++)
        known += (init->services[i].child.pidfd >= 0) + (init->services[i].notice_fd >= 0);
    return model.open_fds == known;
}

static bool the_exit_code_is_the_main_services(void)
{
    const struct session_outcome *outcome = &model.init.outcome;
    if (!is_done() || !outcome->has_main_ended || outcome->is_limit_reached)
        return true;
    return session_exit_code(outcome) == 7 || session_exit_code(outcome) == 128 + 9;
}

static bool the_main_services_end_is_the_sessions(void)
{
    return !model.init.outcome.has_main_ended || model.init.state != INIT_SESSION_RUNNING;
}

/* clang-format off */
static const struct {
    const char *words;
    bool (*holds)(void);
} invariants[] = {
    {"no move is made that is not listed",              only_listed_moves},
    {"what is not listed is refused and logged",        what_is_not_listed_is_refused_and_logged},
    {"it exits only when it owes nothing",              it_exits_only_when_it_owes_nothing},
    {"every child is reaped once",                      every_child_is_reaped_once},
    {"the dead wait only after a walk",                 the_dead_wait_only_after_a_walk},
    {"a look in vain asks for no other",                a_look_in_vain_asks_for_no_other},
    {"a program that could not be started soon is",     a_program_is_soon_tried_again},
    {"every service with a process knows it",           every_service_with_a_process_knows_it},
    {"no stop waits without a deadline",                no_stop_waits_without_a_deadline},
    {"no service waits without a deadline",             no_service_waits_without_a_deadline},
    {"no timer is armed in WAITING, EXITED, FAILED",    no_timer_outlives_its_state},
    {"each deadline is met",                            promises_are_kept},
    {"nothing is done before its deadline",             nothing_is_early},
    {"no timer is armed for the past",                  no_timer_is_armed_for_the_past},
    {"a program is told its time",                      programs_know_their_time},
    {"who is to stop is told so, and continued",        who_is_to_stop_is_told_and_continued},
    {"a stop ends in its time",                         a_stop_ends_in_its_time},
    {"the wipe always runs",                            the_wipe_always_runs},
    {"an unforced stop shuts down",                     an_unforced_stop_shuts_down},
    {"restarts stay within their limit",                restarts_stay_within_their_limit},
    {"boot starts before, services while it runs",               services_start_only_while_it_runs},
    {"the log tells all that happened, and no more",    record_is_complete},
    {"it says whom it kills, and does",                 record_is_honest},
    {"nobody asks for what is refused",                 nobody_asks_for_what_is_refused},
    {"nobody is signalled who is not to be",            nobody_is_signalled_who_is_not_to_be},
    {"each program runs once, in its state",            each_program_runs_once_and_in_its_state},
    {"a second TERM shortens",                          a_second_TERM_shortens},
    {"a third TERM forces",                             a_third_TERM_forces},
    {"no descriptor is lost",                           no_descriptor_is_lost},
    {"the main service's end is the session's",         the_main_services_end_is_the_sessions},
    {"the exit code is the main service's",             the_exit_code_is_the_main_services},
    {"each timer is armed for its promised time",       each_timer_is_armed_for_its_time},
};
/* clang-format on */

const char *model_find_violation(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(invariants); i++) {
        if (!invariants[i].holds())
            return invariants[i].words;
    }
    return NULL;
}
