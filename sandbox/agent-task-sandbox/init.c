/* The loop of a sandbox's first process: its client, its children, their execs. */
#include "sandbox/agent-task-sandbox/init.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-sandbox/cage.h"
#include "sandbox/agent-task-sandbox/leftovers.h"
#include "sandbox/confine/program.h"

/* Of the stack, what a judgement takes of it; a page is at least so large. */
#define WARM_STACK (20 * 1024)
#define WARM_STEP 4096

/* pid_namespaces(7) */
void init_end(void)
{
    _exit(EXIT_SUCCESS);
}

void init_give_up(int control, const char *what, const struct error *err)
{
    struct task_reply reply = {.header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_ERROR}};
    const struct unix_message message = {.data = &reply, .size = sizeof(reply)};

    snprintf(reply.text, sizeof(reply.text), "%s: %s", what, error_text(err));
    (void)unix_message_send(control, &message);
    init_end();
}

static void on_linger_end(void *context)
{
    struct init *init = context;

    nested_flush(&init->nested);
    init_end();
}

static void on_output(void *context, uint32_t events)
{
    struct init *init = context;

    (void)events;
    if (log_take(&init->task.log) != LOG_END)
        return;
    event_loop_remove(&init->loop, init->log_source);
    cleanup_close(&init->task.log.output);
}

/* Somebody is left. */
static void linger(struct init *init)
{
    const struct policy_profile *profile = init->settings->profile;
    struct task_ended message = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_LINGER},
        .count = leftovers_count(),
    };

    if (profile->linger_seconds == 0)
        init_end();
    init->phase = PHASE_LINGERING;
    reply_to_runner(init, &message, sizeof(message));
    watch_close(&init->client);
    event_loop_set_timer(&init->loop, TIMER_LINGER,
                         clock_monotonic_ns() +
                             profile->linger_seconds * CLOCK_NANOSECONDS_PER_SECOND,
                         on_linger_end, init);
}

static void on_exec(void *context, uint32_t events)
{
    struct init *init = context;

    (void)events;
    nested_answer(&init->nested);
}

static void command_ended(struct init *init, int wait_status)
{
    struct task_reply reply = {.header.type = TASK_EXITED, .wait_status = (uint32_t)wait_status};

    streams_return_offsets(&init->task.streams);
    nested_flush(&init->nested);
    /* In this order: who asks the runner once the client has ended finds the command ended. */
    reply_ended(init, wait_status);
    reply_to_client(init, &reply, -1);
    init->command.pid = 0;
    init->phase = PHASE_ENDED;
}

static void child_changed(struct init *init, pid_t pid, int wait_status)
{
    struct task_reply reply = {.header.type = TASK_STOPPED};

    if (pid != init->command.pid)
        return;
    if (WIFSTOPPED(wait_status)) {
        reply.signal = (uint32_t)WSTOPSIG(wait_status);
        reply_to_client(init, &reply, -1);
        return;
    }
    command_ended(init, wait_status);
}

void init_reap(struct init *init)
{
    struct signalfd_siginfo information;
    int wait_status;
    pid_t pid;

    while (read(init->children, &information, sizeof(information)) > 0)
        continue; /* waitpid tells what happened, not how often it was announced */
    while ((pid = waitpid(-1, &wait_status, WNOHANG | WUNTRACED)) > 0)
        child_changed(init, pid, wait_status);
    /* Everything inside is a descendant, and an orphan is a child: without children nobody is left.
     */
    if (pid < 0 && init->phase >= PHASE_ENDED) {
        while (log_take(&init->task.log) == LOG_MORE)
            continue;
        nested_flush(&init->nested);
        init_end();
    }
    if (init->phase == PHASE_ENDED)
        linger(init);
}

static void on_children(void *context, uint32_t events)
{
    (void)events;
    init_reap(context);
}

/* kill(2): all of our namespace but ourselves. The ends are told like any other. */
static void on_stop_end(void *context)
{
    (void)context;
    (void)kill(-1, SIGKILL);
}

void init_stop(struct init *init)
{
    if (!init->is_stopping)
        event_loop_set_timer(&init->loop, TIMER_STOP,
                             clock_monotonic_ns() +
                                 TASK_STOP_GRACE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                             on_stop_end, init);
    init->is_stopping = true;
    (void)kill(-1, SIGTERM);
    (void)kill(-1, SIGCONT); /* a stopped process cannot obey */
}

void init_signal_command(const struct init *init, uint32_t signal)
{
    if (init->command.pid > 0 && signal > 0 && signal < _NSIG)
        (void)kill(-init->command.pid, (int)signal); /* ESRCH: it has just ended */
}

static void on_client(void *context, uint32_t events)
{
    struct init *init = context;
    struct task_signal message;
    struct unix_fds received = {.count = 0};
    ssize_t size = unix_message_receive(init->client.fd, &message, sizeof(message), &received);

    (void)events;
    unix_fds_close(&received);
    if (size == -EAGAIN)
        return;
    if (size == sizeof(message) && message.header.version == TASK_PROTOCOL_VERSION &&
        message.header.type == TASK_SIGNAL) {
        init_signal_command(init, message.signal);
        return;
    }
    /* Nobody waits for the command any more, or somebody speaks something else. */
    if ((init->task.run.flags & TASK_RUN_DETACHED) == 0)
        init_end();
    watch_close(&init->client);
}

int init_watch(struct init *init, int fd, event_loop_source_callback *callback)
{
    int source = event_loop_add(&init->loop, fd, EPOLLIN, callback, init);

    if (source < 0)
        init_end();
    return source;
}

void init_watch_client(struct init *init)
{
    if (init->client.fd >= 0 &&
        watch_begin(&init->client, &init->loop, init->client.fd, on_client, init) < 0)
        init_end();
}

void init_watch_log(struct init *init)
{
    if (init->task.log.output >= 0)
        init->log_source = init_watch(init, init->task.log.output, on_output);
}

static void open_loop(struct init *init)
{
    struct error err = ERROR_INITIALIZER;
    sigset_t all;
    int result;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    /* The command's as well: what forked us ignores it, and no other signal. */
    (void)signal(SIGCHLD, SIG_DFL);
    sigemptyset(&all);
    sigaddset(&all, SIGCHLD);
    init->children = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    result = init->children < 0
                 ? -errno
                 : event_loop_open(&init->loop, init->sources, SOURCES, init->timers, TIMER_COUNT);
    if (result < 0) {
        error_set(&err, -result, "make the event loop");
        init_give_up(init->control, "the sandbox cannot serve", &err);
    }
    (void)init_watch(init, init->control, control_on_runner);
    (void)init_watch(init, init->children, on_children);
    (void)init_watch(init, init->nested.listener, on_exec);
}

/*
 * What the kernel would do for the first command while its caller waits: the links of this /proc,
 * and the memory that a judgement takes.
 */
static void warm_up(void)
{
    volatile char room[WARM_STACK];
    char link[PATH_MAX];

    for (size_t i = 0; i < sizeof(room); i += WARM_STEP)
        room[i] = 0;
    (void)!readlink("/proc/self/fd/0", link, sizeof(link));
}

void init_run(const struct settings *settings, int control, const char *id)
{
    static struct init init; /* large; zeroed */
    struct error err = ERROR_INITIALIZER;
    struct nested nested = {.listener = -1, .control = control, .policy = settings->policy};

    if (cage_close(settings, &nested, &err) < 0) {
        diagnostic_say("sandbox ", id, ": ", error_text(&err), NULL);
        init_give_up(control, "the sandbox does not close", &err);
    }
    init = (struct init){.settings = settings,
                         .control = control,
                         .client = WATCH_NONE,
                         .terminal = TERMINAL_NONE,
                         .command = COMMAND_NONE,
                         .nested = nested};
    snprintf(init.id, sizeof(init.id), "%s", id);
    /* For the terminal of the command, which is then no orphan in it: ^Z works. */
    (void)setsid();
    open_loop(&init);
    warm_up();
    while (event_loop_run_once(&init.loop, -1) == 0)
        continue;
    init_end();
}
