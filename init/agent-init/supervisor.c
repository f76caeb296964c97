/* Carries out what the service table decides: starts, readiness, ends, restarts, stops. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "init/agent-init/init.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"

#define NUMBER_TEXT(number) NUMBER_TEXT_OF(number)
#define NUMBER_TEXT_OF(number) #number
/* Before another attempt to make a process, times the attempts so far. */
#define SPAWN_RETRY_MS 100
/* A timer this late was held up with us, by a frozen container for one: the service had no time. */
#define LATE_MS 500

static void on_timer(void *context);

static void set_timer(struct service *service, uint64_t delay_ms)
{
    service->timer_ns = clock_monotonic_ns() + delay_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    event_loop_set_timer(&service->init->loop, (size_t)(service - service->init->services),
                         service->timer_ns, on_timer, service);
}

static void on_timer(void *context)
{
    struct service *service = context;
    bool is_starting = service->state == INIT_STATE_STARTING;
    uint32_t given_ms = is_starting ? service->row.ready_timeout_ms : service->row.watchdog_ms;
    if (is_starting || service->state == INIT_STATE_READY) {
        if (clock_monotonic_ns() - service->timer_ns >
            LATE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND) {
            set_timer(service, given_ms);
            return;
        }
        service->is_timed_out = true;
        events_record(service->init, INIT_EVENT_SERVICE_TIMED_OUT, service->row.name, given_ms);
        diagnostic_say("service ", service->row.name, " was not ",
                       is_starting ? "ready in time" : "heard of in time", NULL);
    }
    supervisor_post(service->init, service, SERVICE_TIMER);
}

void supervisor_watch(struct service *service)
{
    if (service->row.watchdog_ms != 0)
        set_timer(service, service->row.watchdog_ms);
}

static uint32_t spawn_flags(const struct service *service)
{
    uint32_t flags = service->row.flags;
    if (service->arguments != NULL)
        return SPAWN_TERMINAL;
    return SPAWN_ROOT_DIRECTORY | SPAWN_LIMIT |
           (flags & INIT_SERVICE_TTY ? SPAWN_TERMINAL : SPAWN_SESSION) |
           (flags & INIT_SERVICE_MAIN ? 0 : SPAWN_NULL_INPUT);
}

/* What the child finds in its environment beyond the row's strings. */
static const char *const *extra_environment(const struct service *service)
{
    static const char notify[] = INIT_NOTIFY_VARIABLE "=" NUMBER_TEXT(INIT_NOTIFY_FD);
    static const char *extra[3];
    extra[0] = service->notice_fd >= 0 ? notify : NULL;
    extra[1] = service->row.store_max != 0 ? notice_describe_store(service) : NULL;
    return extra;
}

static int start_process(struct service *service)
{
    int fds[1 + INIT_FDS_MAX];
    cleanup_fd int theirs = -1;
    bool is_heard = (service->row.flags & INIT_SERVICE_READY_FD) != 0 || notice_is_needed(service);
    int result = is_heard ? notice_open(service, &theirs) : 0;
    if (result < 0)
        return result;
    fds[0] = theirs;
    memcpy(fds + 1, service->stored_fds, service->stored_count * sizeof(int));
    struct spawn_spec spec = {.argv = service->arguments,
                              .environment = (const char *const *)environ,
                              .flags = spawn_flags(service),
                              .fds = fds,
                              .fd_count = is_heard ? 1 + service->stored_count : 0,
                              .capabilities = service->row.capabilities};
    if (spec.argv == NULL) {
        const char **pointers = service->init->pointers;
        spec.environment = service_unpack(service, extra_environment(service), pointers);
        spec.argv = pointers;
    }
    result = spawn(&spec, &service->child);
    if (result < 0)
        notice_close(service);
    return result;
}

/* Closes the books on a process that ended, or could not even begin. */
static void end_process(struct init *init, struct service *service, int wait_status)
{
    notice_close(service);
    reap_forget(init, &service->child);
    events_record(init, INIT_EVENT_SERVICE_EXITED, service->row.name, (uint32_t)wait_status);
    bool is_stopping = init->state != INIT_SESSION_RUNNING;
    enum service_event event =
        service_judge_end(service, wait_status, clock_monotonic_ns(), is_stopping);
    service->restarts += event == SERVICE_RETRY;
    supervisor_post(init, service, event);
    if ((service->row.flags & INIT_SERVICE_MAIN) == 0)
        return;
    tcsetpgrp(STDIN_FILENO, getpgrp()); /* the terminal comes back, if there was one */
    init->outcome.has_main_ended = true;
    init->outcome.main_status = wait_status;
    session_post(init, SESSION_MAIN_ENDED);
}

static void do_spawn(struct init *init, struct service *service)
{
    service->is_restart_wanted = false;
    service->is_timed_out = false;
    int result = start_process(service);
    if (result < 0) {
        if (service->spawn_tries == 0)
            diagnostic_say("cannot make a process for ", service->row.name, ": ", strerror(-result),
                           NULL);
        if (++service->spawn_tries > SERVICE_SPAWN_TRIES) {
            end_process(init, service, 126 << 8);
            return;
        }
        service->delay_ms = SPAWN_RETRY_MS * service->spawn_tries;
        supervisor_post(init, service, SERVICE_RETRY);
        return;
    }
    service->spawn_tries = 0;
    reap_watch(init, &service->child);
    events_record(init, INIT_EVENT_SERVICE_STARTED, service->row.name,
                  (uint32_t)service->child.pid);
    if ((service->row.flags & INIT_SERVICE_READY_FD) == 0)
        supervisor_post(init, service, SERVICE_READY);
    else if (service->row.ready_timeout_ms != 0)
        set_timer(service, service->row.ready_timeout_ms);
}

static void do_announce(struct init *init, struct service *service)
{
    events_record(init, INIT_EVENT_SERVICE_READY, service->row.name, 0);
    supervisor_watch(service);
}

static uint32_t stop_grace_ms(const struct init *init, const struct service *service)
{
    return service->row.stop_grace_ms != 0 ? service->row.stop_grace_ms : session_window_ms(init);
}

/* Sends SIGNAL, and lets the timer follow when PARTS of three of the stop's time have passed. */
static void send_stop(struct init *init, struct service *service, int signal, uint32_t parts)
{
    child_signal(&service->child, signal);
    child_signal(&service->child, SIGCONT); /* a stopped process cannot obey */
    set_timer(service, (uint64_t)stop_grace_ms(init, service) * parts / 3);
}

/* An interrupted main gets INT alone for a while: a TERM on its heels would end a program that
 * cleans up on INT. */
static void do_term(struct init *init, struct service *service)
{
    bool is_interrupted =
        (service->row.flags & INIT_SERVICE_MAIN) != 0 && init->outcome.stop_signal == SIGINT;
    service->is_term_owed = is_interrupted;
    send_stop(init, service, is_interrupted ? SIGINT : SIGTERM, is_interrupted ? 1 : 3);
}

static void do_kill(struct init *init, struct service *service)
{
    if (!service->is_term_owed) {
        diagnostic_say("killing what did not end in time: ", service->row.name, NULL);
        child_signal(&service->child, SIGKILL);
        return;
    }
    service->is_term_owed = false;
    send_stop(init, service, SIGTERM, 2);
}

static void do_delay(struct init *init, struct service *service)
{
    events_record(init, INIT_EVENT_SERVICE_RESTARTING, service->row.name, service->delay_ms);
    set_timer(service, service->delay_ms);
}

static void do_give_up(struct init *init, struct service *service)
{
    events_record(init, INIT_EVENT_SERVICE_FAILED, service->row.name, 0);
    diagnostic_say("service ", service->row.name, " failed and is not started again", NULL);
    if ((service->row.flags & (INIT_SERVICE_REQUIRED | INIT_SERVICE_MAIN)) == 0)
        return;
    init->outcome.is_limit_reached = true;
    session_post(init, SESSION_SERVICE_LIMIT);
}

void supervisor_post(struct init *init, struct service *service, enum service_event event)
{
    static void (*const actions[SERVICE_ACTION_COUNT])(struct init *, struct service *) = {
        [SERVICE_DO_SPAWN] = do_spawn, [SERVICE_DO_ANNOUNCE] = do_announce,
        [SERVICE_DO_TERM] = do_term,   [SERVICE_DO_KILL] = do_kill,
        [SERVICE_DO_DELAY] = do_delay, [SERVICE_DO_GIVE_UP] = do_give_up,
    };
    enum init_service_state before = service->state;
    enum service_action action;
    if (!service_step(&service->state, event, &action)) {
        events_record(init, INIT_EVENT_TRANSITION_REJECTED, service->row.name,
                      (uint32_t)before << 16 | event);
        return;
    }
    if (service->state != before) {
        service->since_ns = clock_monotonic_ns();
        /* A timer is its state's: left over it would hit the next one. */
        event_loop_clear_timer(&init->loop, (size_t)(service - init->services));
    }
    if (service->state == INIT_STATE_EXITED || service->state == INIT_STATE_FAILED)
        notice_empty_store(service);
    if (actions[action] != NULL)
        actions[action](init, service);
}

void supervisor_stop(struct init *init, struct service *service)
{
    service->is_stop_wanted = true;
    service->is_restart_wanted = false;
    supervisor_post(init, service, SERVICE_STOP);
}

void supervisor_restart(struct init *init, struct service *service)
{
    service->is_stop_wanted = false;
    service->is_restart_wanted = service_has_process(service);
    service->window_restarts = 0;
    supervisor_post(init, service, SERVICE_RESTART);
}

bool supervisor_child_ended(struct init *init, pid_t pid, int wait_status)
{
    for (uint32_t i = 0; i < init->service_count; i++) {
        if (init->services[i].child.pid == pid) {
            end_process(init, &init->services[i], wait_status);
            return true;
        }
    }
    return false;
}

/* True when one was started or given up, which may let others go. */
static bool start_what_may(struct init *init)
{
    bool has_changed = false;
    for (uint32_t i = 0; i < init->service_count && init->state == INIT_SESSION_RUNNING; i++) {
        if (init->services[i].state != INIT_STATE_WAITING)
            continue;
        enum service_event event = service_judge_start(init->services, i);
        if (event == SERVICE_EVENT_COUNT)
            continue;
        supervisor_post(init, &init->services[i], event);
        has_changed = true;
    }
    return has_changed;
}

static void stop_what_may(struct init *init)
{
    for (uint32_t i = 0; i < init->service_count; i++) {
        struct service *service = &init->services[i];
        bool is_done = service->state == INIT_STATE_EXITED || service->state == INIT_STATE_FAILED ||
                       service->state == INIT_STATE_STOPPING;
        if (!is_done && service_may_stop(init->services, init->service_count, i))
            supervisor_stop(init, service);
    }
}

void supervisor_settle(struct init *init)
{
    while (init->state == INIT_SESSION_RUNNING && start_what_may(init))
        ;
    if (init->state == INIT_SESSION_STOPPING)
        stop_what_may(init);
}

bool supervisor_is_running(const struct init *init)
{
    for (uint32_t i = 0; i < init->service_count; i++) {
        if (service_has_process(&init->services[i]))
            return true;
    }
    return false;
}
