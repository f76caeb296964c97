/* agent-task-runnerd: traps the execs of a vendor's program and has them run in sandboxes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/user_number.h"
#include "lib/base/wait_limit.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/trace_probe.h"

static struct runner runner;

static void on_tick(void *context)
{
    uint64_t now_ns = clock_monotonic_ns();
    (void)context;
    calls_on_tick(&runner, now_ns);
    clients_on_tick(&runner, now_ns);
    sandboxes_on_tick(&runner, now_ns);
    pool_balance(&runner);
}

void runner_expect(struct runner *self)
{
    if (self->timers[TIMER_TICK].deadline_ns == 0)
        event_loop_set_timer(&self->loop, TIMER_TICK,
                             clock_monotonic_ns() + TICK_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                             on_tick, self);
}

uint64_t runner_deadline(struct runner *self, uint64_t ms)
{
    runner_expect(self);
    return clock_monotonic_ns() + ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
}

/* Until the policy is known no call can be judged; until then they wait in the kernel. */
void runner_begin(struct runner *self)
{
    if (self->stored_listener >= 0 && listener_adopt(self, self->stored_listener) < 0) {
        diagnostic_say("agent-task-runnerd: the listener cannot be watched", NULL);
        _exit(1); /* PID 1 has it still, and starts the next one */
    }
    (void)notice_tell(self->notify, INIT_NOTICE_READY, -1);
}

static void on_gated(void *context, uint32_t events)
{
    (void)context;
    (void)events;
    (void)event_loop_run_once(&runner.gated, 0);
}

/* What runs is told, and served and put on record until it has ended; PID 1 does not wait for ever.
 */
static void on_stop(void *context, uint32_t events)
{
    struct sandbox *sandbox = NULL;
    struct signalfd_siginfo info;
    (void)context;
    (void)events;
    (void)!read(runner.stop_fd, &info, sizeof(info));
    runner.is_stopping = true;
    while ((sandbox = sandboxes_next(&runner, sandbox, SANDBOX_RUNNING, SANDBOX_LINGERING)) != NULL)
        (void)sandboxes_stop(sandbox);
}

static int watch_signal(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_loops(struct error *err)
{
    runner.calls.stopped_fd = watch_signal(SIGCHLD);
    runner.stop_fd = watch_signal(SIGTERM);
    int result =
        event_loop_open(&runner.loop, runner.sources, SOURCES_MAX, runner.timers, TIMER_COUNT);
    if (result == 0)
        result = event_loop_open(&runner.gated, runner.gated_sources, GATED_MAX, NULL, 0);
    if (result == 0)
        result = watch_begin(&runner.gate, &runner.loop, runner.gated.epoll_fd, on_gated, NULL);
    if (result == 0)
        result = event_loop_add(&runner.loop, runner.stop_fd, EPOLLIN, on_stop, NULL);
    if (result >= 0)
        result = event_loop_add(&runner.gated, runner.calls.stopped_fd, EPOLLIN, redirect_on_child,
                                &runner);
    if (result >= 0)
        result = wait_limit_open(false);
    return result < 0 ? error_set(err, -result, "make the event loop") : 0;
}

static int open_files(struct error *err)
{
    int result = user_number_find("agentuser", &runner.command_uid, err);
    if (result == 0)
        result = listener_open_journal(&runner, err);
    runner.calls.relay = program_at(TASK_RELAY);
    if (runner.calls.relay.inode == 0)
        return error_set(err, ENOENT, "find the relay '" TASK_RELAY "'");
    if (result == 0)
        result = path_make_directories(TASK_RUNNER_DIRECTORY, 0755, err);
    return result < 0 ? result : clients_open(&runner, err);
}

/* clang-format off */
static int (*const steps[])(struct error *err) = {
    open_loops,
    open_files,
    confine, /* nobody was heard yet */
};
/* clang-format on */

static int set_up(struct error *err)
{
    int result = notice_find(&runner.notify, &runner.stored_listener, err);
    /* Told to agentcli-exec, which refuses to start then; what else there is works. */
    (void)trace_probe(&runner.untraceable);
    runner.status = (struct task_status_row){.runner_pid = getpid(),
                                             .started_monotonic_ns = clock_monotonic_ns()};
    runner.calls.listener = runner.pool.service = runner.audit.keeper = WATCH_NONE;
    for (size_t i = 0; i < ARRAY_LENGTH(steps) && result == 0; i++)
        result = steps[i](err);
    if (result < 0)
        return result;
    audit_open(&runner);
    pool_connect(&runner);
    return 0;
}

/* What goes on record is not begun while the record has no room for it. */
static void gate(void)
{
    bool is_gated = !audit_has_room(&runner);
    if (is_gated == runner.is_gated)
        return;
    runner.is_gated = is_gated;
    watch_change(&runner.gate, is_gated ? 0 : EPOLLIN);
    listener_pause(&runner);
}

static int run(struct error *err)
{
    int result = 0;
    while (result == 0 && (!runner.is_stopping || runner.audit.sent < runner.audit.made ||
                           sandboxes_next(&runner, NULL, SANDBOX_JUDGING, SANDBOX_ENDING))) {
        gate();
        result = event_loop_run_once(&runner.loop, -1);
    }
    return result < 0 ? error_set(err, -result, "wait for events") : 0;
}

/* Both or neither: a session has a keeper. */
static int parse(int argc, char **argv)
{
    bool is_session =
        argc == 5 && strcmp(argv[1], "--keeper") == 0 && strcmp(argv[3], "--session") == 0;
    runner.audit.path = is_session ? argv[2] : NULL;
    runner.audit.session = is_session ? argv[4] : NULL;
    return is_session || argc == 1 ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INITIALIZER;
    /* Before anything is opened: no file of ours may get one of these numbers. */
    if (fd_ensure_standard() < 0)
        return 1;
    if (parse(argc, argv) < 0) {
        fputs("usage: agent-task-runnerd [--keeper SOCKET --session ID]\n", stderr);
        return EXIT_INIT_USAGE;
    }
    if (set_up(&err) == 0 && run(&err) == 0)
        return 0;
    fprintf(stderr, "agent-task-runnerd: %s\n", error_text(&err));
    return 1;
}
