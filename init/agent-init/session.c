/* Carries out what the session table decides: start, ordered stop, sweep, kill, shutdown, wipe. */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "init/agent-init/init.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"

/* How long killed processes may take to go; one in the kernel's hands may never. */
#define KILL_WAIT_MS 1000
/* What shutdown gets at least, and wiping at most. */
#define SHUTDOWN_LEAST_MS 500
#define WIPE_MS 1000
/* What a program may take beyond the deadline it was told. */
#define PROGRAM_SLACK_MS 250
/* Between looks for processes that are not our children. */
#define EMPTY_TICK_MS 20

#define MS(milliseconds) ((milliseconds)*CLOCK_NANOSECONDS_PER_MILLISECOND)

uint32_t session_window_ms(const struct init *init)
{
    return init->boot_program != NULL ? init->grace_ms / 3 : init->grace_ms;
}

static void on_deadline(void *context)
{
    session_post(context, SESSION_DEADLINE);
}

static void set_deadline(struct init *init, uint64_t deadline_ns)
{
    event_loop_set_timer(&init->loop, INIT_TIMER_DEADLINE, deadline_ns, on_deadline, init);
}

static void on_tick(void *context)
{
    struct init *init = context;
    if (init->pending_program >= 0)
        program_start(init, (enum init_program)init->pending_program);
    control_listen(init);
}

void session_tick(struct init *init, uint32_t delay_ms)
{
    uint64_t due_ns = clock_monotonic_ns() + MS(delay_ms);
    uint64_t set_ns = init->timers[INIT_TIMER_TICK].deadline_ns;
    if (set_ns == 0 || due_ns < set_ns) /* whoever waits longer can look sooner */
        event_loop_set_timer(&init->loop, INIT_TIMER_TICK, due_ns, on_tick, init);
}

/* The clock of the stop starts once, whatever starts it. */
static void begin_stop(struct init *init)
{
    if (init->stop_ns != 0)
        return;
    init->stop_ns = clock_monotonic_ns();
    events_record(init, INIT_EVENT_STOP_REQUESTED, "", (uint32_t)init->outcome.stop_signal);
}

static void do_await_boot(struct init *init)
{
    begin_stop(init);
    set_deadline(init, init->stop_ns + MS(init->grace_ms) / 3 * 2);
}

static void do_unwind(struct init *init)
{
    do_await_boot(init);
    if (init->pending_program == INIT_PROGRAM_BOOT) { /* none was made yet, and none will be */
        init->pending_program = -1;
        session_post(init, SESSION_BOOT_ENDED);
        return;
    }
    child_signal(&init->programs[INIT_PROGRAM_BOOT], SIGTERM);
    child_signal(&init->programs[INIT_PROGRAM_BOOT], SIGCONT);
}

static void do_start(struct init *init)
{
    events_record(init, INIT_EVENT_BOOT_READY, "", 0);
}

/* supervisor_settle stops the services. Whoever ignores that leaves a third of the window to the
 * sweep. */
static void do_stop(struct init *init)
{
    begin_stop(init);
    set_deadline(init, init->stop_ns + MS(session_window_ms(init)) / 3 * 2);
}

static void do_sweep(struct init *init)
{
    begin_stop(init);
    uint64_t window = MS(session_window_ms(init));
    uint64_t least = clock_monotonic_ns() + window / 3;
    uint64_t end = init->stop_ns + window;
    set_deadline(init, end > least ? end : least);
    if (reap_is_empty(init))
        return;
    events_record(init, INIT_EVENT_STOP_ESCALATED, "", SIGTERM);
    reap_signal_all(init, SIGTERM);
    reap_signal_all(init, SIGCONT);
}

/* session_settle kills, again and again: somebody may still enter from outside. */
static void do_kill(struct init *init)
{
    begin_stop(init);
    diagnostic_say("killing what did not end in time", NULL);
    events_record(init, INIT_EVENT_STOP_ESCALATED, "", SIGKILL);
    set_deadline(init, clock_monotonic_ns() + MS(KILL_WAIT_MS));
}

static void do_shutdown(struct init *init)
{
    if (init->boot_program == NULL || init->outcome.is_refused) {
        session_post(init, init->is_unwound ? SESSION_SHUTDOWN_ENDED : SESSION_SHUTDOWN_FAILED);
        return;
    }
    uint64_t least = clock_monotonic_ns() + MS(SHUTDOWN_LEAST_MS);
    uint64_t end = init->stop_ns + MS(init->grace_ms);
    init->program_deadline_ns = end > least ? end : least;
    set_deadline(init, init->program_deadline_ns + MS(PROGRAM_SLACK_MS));
    events_record(init, INIT_EVENT_SHUTDOWN_STARTED, "", 0);
    program_start(init, INIT_PROGRAM_SHUTDOWN);
}

static void do_wipe(struct init *init)
{
    reap_signal_all(init, SIGKILL);
    if (init->boot_program == NULL || init->is_unwound) {
        session_post(init, SESSION_WIPE_ENDED);
        return;
    }
    init->program_deadline_ns = clock_monotonic_ns() + MS(WIPE_MS);
    set_deadline(init, init->program_deadline_ns + MS(PROGRAM_SLACK_MS));
    program_start(init, INIT_PROGRAM_WIPE);
}

void session_post(struct init *init, enum session_event event)
{
    static void (*const actions[SESSION_ACTION_COUNT])(struct init *) = {
        [SESSION_DO_AWAIT_BOOT] = do_await_boot, [SESSION_DO_UNWIND] = do_unwind,
        [SESSION_DO_START] = do_start,           [SESSION_DO_STOP] = do_stop,
        [SESSION_DO_SWEEP] = do_sweep,           [SESSION_DO_KILL] = do_kill,
        [SESSION_DO_SHUTDOWN] = do_shutdown,     [SESSION_DO_WIPE] = do_wipe,
    };
    enum init_session_state before = init->state;
    enum session_action action;
    if (!session_step(&init->state, event, &action))
        events_record(init, INIT_EVENT_TRANSITION_REJECTED, "", (uint32_t)before << 16 | event);
    else if (actions[action] != NULL)
        actions[action](init);
}

void session_request_stop(struct init *init, int signal)
{
    static const enum session_event urgency[] = {SESSION_STOP, SESSION_STOP_AGAIN,
                                                 SESSION_STOP_FORCE};
    uint32_t count = signal == 0 ? 0 : init->stop_count++;
    if (init->stop_ns == 0)
        init->outcome.stop_signal = signal == 0 ? SIGTERM : signal;
    session_post(init, urgency[count < 2 ? count : 2]);
}

void session_on_signal(void *context, uint32_t events)
{
    struct init *init = context;
    struct signalfd_siginfo info[8];
    (void)events;
    ssize_t size = read(init->signal_fd, info, sizeof(info));
    for (ssize_t i = 0; (i + 1) * (ssize_t)sizeof(info[0]) <= size; i++) {
        int signal = (int)info[i].ssi_signo;
        /* Found without a walk; the rest of the reaping follows anyway. */
        if (signal == SIGCHLD)
            reap_child(init, (pid_t)info[i].ssi_pid);
        /* SIGPIPE of our own making is nobody else's business. */
        if (signal == SIGCHLD || info[i].ssi_pid == (uint32_t)getpid())
            continue;
        if (signal == SIGTERM || signal == SIGINT)
            session_request_stop(init, signal);
        else if (init->main != NULL)
            child_signal(&init->main->child, signal);
    }
}

/* What the state waits for has come, as far as looking tells. */
static void look(struct init *init)
{
    if (init->state == INIT_SESSION_STOPPING && !supervisor_is_running(init))
        session_post(init, SESSION_SERVICES_ENDED);
    if (init->state == INIT_SESSION_KILLING)
        reap_signal_all(init, SIGKILL);
    if (init->state != INIT_SESSION_SWEEPING && init->state != INIT_SESSION_KILLING)
        return;
    if (reap_is_empty(init))
        session_post(init, SESSION_EMPTY);
    else
        session_tick(init, EMPTY_TICK_MS);
}

void session_settle(struct init *init)
{
    enum init_session_state before;
    do {
        before = init->state;
        look(init);
    } while (init->state != before);
}
