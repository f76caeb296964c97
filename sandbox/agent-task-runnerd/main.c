/* agent-task-runnerd: traps the execs of a vendor's program and has them run in sandboxes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "sandbox/agent-task-runnerd/runner.h"

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

/* Until the policy is known no call can be judged; until then they wait in the kernel. */
void runner_begin(struct runner *self)
{
    if (self->stored_listener >= 0)
        (void)listener_adopt(self, self->stored_listener);
    service_tell(self, INIT_NOTICE_READY);
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
    struct signalfd_siginfo info;
    (void)context;
    (void)events;
    (void)!read(runner.stop_fd, &info, sizeof(info));
    runner.is_stopping = true;
    sandboxes_stop(&runner);
}

static int watch_signal(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_signals(struct error *err)
{
    runner.stop_fd = watch_signal(SIGTERM);
    runner.calls.trace_fd = watch_signal(SIGCHLD);
    return runner.stop_fd < 0 || runner.calls.trace_fd < 0 ? error_set(err, errno, "watch signals")
                                                           : 0;
}

static int open_loops(struct error *err)
{
    int result =
        event_loop_open(&runner.loop, runner.sources, SOURCES_MAX, runner.timers, TIMER_COUNT);
    if (result == 0)
        result = event_loop_open(&runner.gated, runner.gated_sources, GATED_MAX, NULL, 0);
    if (result == 0)
        result = runner.gated_source =
            event_loop_add(&runner.loop, runner.gated.epoll_fd, EPOLLIN, on_gated, NULL);
    if (result >= 0)
        result = event_loop_add(&runner.loop, runner.stop_fd, EPOLLIN, on_stop, NULL);
    if (result >= 0)
        result = event_loop_add(&runner.gated, runner.calls.trace_fd, EPOLLIN, redirect_on_child,
                                &runner);
    return result < 0 ? error_set(err, -result, "make the event loop") : 0;
}

static int identify_relay(struct error *err)
{
    struct stat file;
    if (stat(TASK_RELAY, &file) < 0)
        return error_set(err, errno, "find the relay '" TASK_RELAY "'");
    runner.calls.relay = (struct program){.device = file.st_dev, .inode = file.st_ino};
    return 0;
}

static int set_up(struct error *err)
{
    runner.started_ns = clock_monotonic_ns();
    runner.calls.listener = -1;
    runner.pool.fd = -1;
    int result = service_find(&runner, &runner.stored_listener, err);
    if (result == 0)
        result = confine(err);
    if (result == 0)
        result = open_signals(err);
    if (result == 0)
        result = open_loops(err);
    if (result == 0)
        result = identify_relay(err);
    if (result == 0)
        result = listener_open_journal(&runner, err);
    if (result == 0)
        result = path_make_directories(TASK_RUNNER_DIRECTORY, 0755, err);
    if (result == 0)
        result = clients_open(&runner, err);
    if (result < 0)
        return result;
    audit_open(&runner);
    pool_connect(&runner);
    return 0;
}

/* What goes on record is not begun while the record has no room for it. */
static void gate(void)
{
    bool is_gated = runner.audit.made - runner.audit.sent > AUDIT_FRAMES_MAX - AUDIT_FRAMES_RESERVE;
    if (is_gated == runner.is_gated)
        return;
    runner.is_gated = is_gated;
    event_loop_modify(&runner.loop, runner.gated_source, is_gated ? 0 : EPOLLIN);
}

static int run(struct error *err)
{
    int result = 0;
    while (result == 0 && !(runner.is_stopping && sandboxes_are_idle(&runner))) {
        gate();
        result = event_loop_run_once(&runner.loop, -1);
    }
    return result < 0 ? error_set(err, -result, "wait for events") : 0;
}

/* Both or neither: a session has a keeper. */
static int parse(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--keeper") == 0)
            runner.audit.keeper = argv[i + 1];
        else if (strcmp(argv[i], "--session") == 0)
            runner.audit.session = argv[i + 1];
        else
            return -EINVAL;
    }
    bool is_whole = (runner.audit.keeper == NULL) == (runner.audit.session == NULL);
    return argc % 2 == 1 && is_whole ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INITIALIZER;
    if (parse(argc, argv) < 0) {
        fputs("usage: agent-task-runnerd [--keeper SOCKET --session ID]\n", stderr);
        return EXIT_INIT_USAGE;
    }
    int result = set_up(&err);
    if (result == 0)
        result = run(&err);
    if (result == 0)
        return 0;
    fprintf(stderr, "agent-task-runnerd: %s\n", error_text(&err));
    return 1;
}
