/* The loop of an interactive session: signals in, tmux and its pane watched, terminals served. */
#include "sandbox/agentcli-exec/session.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/process.h"
#include "lib/base/wait_limit.h"
#include "sandbox/agentcli-exec/attach_server.h"
#include "sandbox/agentcli-exec/pane.h"
#include "sandbox/agentcli-exec/places.h"
#include "sandbox/agentcli-exec/tmux.h"
#include "sandbox/confine/notify.h"

/* Signals, tmux, its first client, the pane's listener and its link. */
#define OWN_SOURCES 5
/* After those of the attached terminals. */
#define KNOCK_TIMER ATTACH_SERVER_TIMERS
/* tmux listens some milliseconds after it was started, and tells nobody. */
#define KNOCK_MS 5
#define NUDGE_TIMER (KNOCK_TIMER + 1)
/* Longer than a pane takes to die after it let go of its connection. */
#define NUDGE_MS 200
/* For attached terminals to learn how it ended. */
#define FAREWELL_MS 1500

struct session {
    const struct session_plan *plan;
    struct event_loop loop;
    struct event_source sources[OWN_SOURCES + ATTACH_SERVER_SOURCES];
    struct event_timer timers[ATTACH_SERVER_TIMERS + 2];
    struct attach_server server;
    int signals;       /* owned */
    int pane_listener; /* owned */
    int pane;          /* owned; the wrapper's connection, -1 without one */
    int pane_source;
    pid_t tmux;
    int tmux_process; /* owned; pidfd */
    pid_t knock;
    int knock_process; /* owned; pidfd of tmux's first client, -1 without one */
    int knock_source;
    bool is_ready;
    bool is_stopping;
    bool has_ended;
};

static void close_pane(struct session *session)
{
    if (session->pane < 0)
        return;
    event_loop_remove(&session->loop, session->pane_source);
    close(steal_fd(&session->pane));
}

static void send_to_pane(struct session *session, uint32_t signal)
{
    const struct pane_message message = {.signal = signal};

    bool is_sent = session->pane >= 0 &&
                   send(session->pane, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;

    /* Without a pane there is nothing to end but tmux. */
    if (!is_sent && signal == SIGTERM)
        kill(session->tmux, SIGTERM);
}

/* INT and TERM both end the session; the first goes to the command, the next to tmux itself. */
static void stop(struct session *session)
{
    if (session->is_stopping)
        kill(session->tmux, SIGTERM);
    else
        send_to_pane(session, SIGTERM);
    session->is_stopping = true;
}

static void on_signal(void *context, uint32_t events)
{
    struct session *session = context;
    struct signalfd_siginfo info;

    (void)events;
    if (read(session->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
        stop(session);
    else if (info.ssi_signo != SIGCHLD)
        send_to_pane(session, info.ssi_signo);
}

static void on_nudge_timer(void *context)
{
    const struct session *session = context;

    kill(session->tmux, SIGCHLD);
}

/*
 * The wrapper says nothing; its end is the end of the connection. tmux 3.3a runs utempter when a
 * pane goes, which takes SIGCHLD away for that moment: a pane that dies right then is never reaped,
 * nor started again, until tmux looks at its children the next time.
 */
static void on_pane(void *context, uint32_t events)
{
    struct session *session = context;

    (void)events;
    close_pane(session);
    event_loop_set_timer(&session->loop, NUDGE_TIMER,
                         clock_monotonic_ns() + NUDGE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                         on_nudge_timer, session);
}

static void on_pane_listener(void *context, uint32_t events)
{
    struct session *session = context;
    int fd = accept4(session->pane_listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0)
        return;
    close_pane(session); /* a respawned pane takes the place of the one before */
    session->pane_source = event_loop_add(&session->loop, fd, EPOLLIN, on_pane, session);
    if (session->pane_source < 0) {
        close(fd);
        return;
    }
    session->pane = fd;
    if (!session->is_ready)
        notify_ready(session->plan->notify);
    session->is_ready = true;
    if (session->is_stopping)
        send_to_pane(session, SIGTERM);
}

static void on_tmux(void *context, uint32_t events)
{
    struct session *session = context;

    (void)events;
    if (waitpid(session->tmux, NULL, WNOHANG) == session->tmux)
        session->has_ended = true;
}

static void on_knock_timer(void *context);

static void knock_later(struct session *session)
{
    event_loop_set_timer(&session->loop, KNOCK_TIMER,
                         clock_monotonic_ns() + KNOCK_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                         on_knock_timer, session);
}

static void on_knock(void *context, uint32_t events)
{
    struct session *session = context;
    int status = 0;

    (void)events;
    if (waitpid(session->knock, &status, WNOHANG) == 0)
        return;
    event_loop_remove(&session->loop, session->knock_source);
    close(steal_fd(&session->knock_process));
    if (!process_is_success(status) && !session->is_ready)
        knock_later(session);
}

static void on_knock_timer(void *context)
{
    struct session *session = context;
    int result = -ENOENT;

    if (access(PLACE_TMUX_SOCKET, F_OK) == 0)
        result =
            tmux_knock(session->plan->environment, &session->knock, &session->knock_process, NULL);
    if (result == 0) {
        session->knock_source =
            event_loop_add(&session->loop, session->knock_process, EPOLLIN, on_knock, session);
        result = session->knock_source;
    }
    if (result < 0)
        knock_later(session);
}

/* Signals whose default is to be ignored or to stop are left alone. */
static int open_signals(void)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};
    sigset_t set;

    /* A terminal that is gone is an error of the write, not the end of everybody's session. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LENGTH(taken); i++)
        sigaddset(&set, taken[i]);
    if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int open_loop(struct session *session)
{
    int result = event_loop_open(&session->loop, session->sources, ARRAY_LENGTH(session->sources),
                                 session->timers, ARRAY_LENGTH(session->timers));

    if (result == 0)
        result = wait_limit_open(false);
    if (result < 0)
        return result;
    session->signals = open_signals();
    if (session->signals < 0)
        return session->signals;
    result = event_loop_add(&session->loop, session->signals, EPOLLIN, on_signal, session);
    if (result < 0)
        return result;
    result =
        event_loop_add(&session->loop, session->pane_listener, EPOLLIN, on_pane_listener, session);
    if (result < 0)
        return result;
    return attach_server_begin(&session->server, &session->loop, session->plan->attach_listener,
                               session->plan->attach_uid, session->plan->environment);
}

static int begin(struct session *session, struct error *err)
{
    int result;

    places_clean_tmux();
    places_clean_status();
    (void)places_count_ends(false);
    session->pane_listener = places_listen_pane(err);
    if (session->pane_listener < 0)
        return session->pane_listener;
    result = open_loop(session);
    if (result < 0)
        return error_set(err, -result, "set up the event loop");
    result = tmux_serve(session->plan->environment, session->plan->is_persistent, &session->tmux,
                        &session->tmux_process, err);
    if (result < 0)
        return result;
    result = event_loop_add(&session->loop, session->tmux_process, EPOLLIN, on_tmux, session);
    if (result < 0)
        return error_set(err, -result, "watch tmux");
    knock_later(session);
    return 0;
}

static int find_exit_code(void)
{
    struct error err = ERROR_INITIALIZER;
    int wait_status;

    if (places_read_status(&wait_status, &err) < 0)
        return EXIT_AGENT_LOST;
    return process_exit_code(wait_status);
}

static void say_farewell(struct session *session, int exit_code)
{
    uint64_t deadline = clock_monotonic_ns() + FAREWELL_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;

    attach_server_finish(&session->server, exit_code);
    while (!attach_server_is_idle(&session->server) && clock_monotonic_ns() < deadline) {
        if (event_loop_run_once(&session->loop, FAREWELL_MS) < 0)
            return;
    }
}

static int run(struct session *session, int *exit_code, struct error *err)
{
    int result = begin(session, err);

    if (result < 0)
        return result;
    while (!session->has_ended) {
        result = event_loop_run_once(&session->loop, -1);
        if (result < 0)
            return error_set(err, -result, "wait for the session");
    }
    if (!session->is_ready && !session->is_stopping)
        return error_set(err, EPROTO, "tmux ended before the session was up");
    *exit_code = find_exit_code();
    say_farewell(session, *exit_code);
    return 0;
}

int session_run(const struct session_plan *plan, int *exit_code, struct error *err)
{
    struct session *session = calloc(1, sizeof(*session));
    int result;

    if (session == NULL)
        return error_set(err, ENOMEM, "begin a session");
    session->plan = plan;
    session->signals = -1;
    session->pane_listener = -1;
    session->pane = -1;
    session->tmux_process = -1;
    session->knock_process = -1;
    session->loop.epoll_fd = -1;
    session->loop.timer_fd = -1;
    result = run(session, exit_code, err);
    cleanup_close(&session->pane);
    cleanup_close(&session->pane_listener);
    cleanup_close(&session->signals);
    cleanup_close(&session->tmux_process);
    cleanup_close(&session->knock_process);
    event_loop_close(&session->loop);
    free(session);
    return result;
}
