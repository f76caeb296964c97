/* The loop of agent-attach: keys out, screen in, size changes in between. */
#include "sandbox/agent-attach/pump.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-attach/terminal.h"
#include "sandbox/attach/watch.h"

#define SOURCES 4
/* At the socket, once a signal came: as often as its buffer can be full of last words. */
#define LAST_LOOKS 16
#define DEFAULT_TERMINAL "xterm"

struct pump {
    struct event_loop loop;
    struct event_source sources[SOURCES];
    struct event_timer timers[1];
    struct watch socket;
    struct watch input;
    struct watch output;
    int signal_fd;
    bool is_done;
    bool is_closed;             /* the session hung up; what it said before counts */
    struct pump_result *result; /* borrowed */
    struct buffer from_socket;
    struct buffer to_socket;
    struct buffer to_terminal;
};

static void finish(struct pump *pump, enum pump_outcome outcome)
{
    if (!pump->is_done)
        pump->result->outcome = outcome;
    pump->is_done = true;
}

static void send_size(struct pump *pump)
{
    struct frame_size size = terminal_size();

    /* No room: so many keys wait that the next change of size will do. */
    (void)frame_append(&pump->to_socket, FRAME_RESIZE, &size, sizeof(size));
}

/* 1 when the frame was dealt with, 0 when it has to wait for room, -EPROTO. */
static int take_frame(struct pump *pump, const struct frame *frame)
{
    if (frame->type == FRAME_EXIT) {
        if (frame_read_exit(frame, &pump->result->ending) < 0)
            return -EPROTO;
        if (buffer_size(&pump->to_terminal) > 0)
            return 0; /* the last words first */
        finish(pump, PUMP_ENDED_BY_SESSION);
        return 1;
    }
    if (frame->type != FRAME_DATA)
        return -EPROTO;
    if (buffer_room(&pump->to_terminal) < frame->length)
        return 0;
    buffer_append(&pump->to_terminal, frame->payload, frame->length);
    return 1;
}

static void take_frames(struct pump *pump)
{
    struct frame frame;
    int result = 1;

    while (result > 0 && !pump->is_done) {
        result = frame_peek(&pump->from_socket, &frame);
        if (result > 0)
            result = take_frame(pump, &frame);
        if (result > 0)
            buffer_consume(&pump->from_socket, frame_size_of(&frame));
    }
    if (result < 0)
        finish(pump, PUMP_PROTOCOL_BROKEN);
}

static void update(struct pump *pump)
{
    uint32_t socket_events;

    take_frames(pump);
    if (pump->is_closed && buffer_size(&pump->to_terminal) == 0)
        finish(pump, PUMP_CONNECTION_LOST);
    if (pump->is_done)
        return;
    socket_events = buffer_room(&pump->from_socket) > 0 ? EPOLLIN : 0;
    socket_events |= buffer_size(&pump->to_socket) > 0 ? EPOLLOUT : 0;
    watch_set(&pump->socket, pump->is_closed ? 0 : socket_events);
    watch_set(&pump->input, buffer_room(&pump->to_socket) >= BUFFER_SIZE / 2 ? EPOLLIN : 0);
    watch_set(&pump->output, buffer_size(&pump->to_terminal) > 0 ? EPOLLOUT : 0);
}

static void on_socket(void *context, uint32_t events)
{
    struct pump *pump = context;
    int count = -EAGAIN;

    if ((events & EPOLLOUT) != 0 && buffer_write(&pump->to_socket, pump->socket.fd) < 0)
        buffer_clear(&pump->to_socket); /* what it still had to say can be read */
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        count = buffer_read(&pump->from_socket, pump->socket.fd);
    pump->is_closed |= count == 0 || (count < 0 && count != -EAGAIN);
    update(pump);
}

static void on_input(void *context, uint32_t events)
{
    struct pump *pump = context;
    uint8_t data[FRAME_DATA_MAX];
    ssize_t count = read(STDIN_FILENO, data, sizeof(data));

    (void)events;
    if (count > 0)
        (void)frame_append(&pump->to_socket, FRAME_DATA, data, (size_t)count);
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        finish(pump, PUMP_TERMINAL_GONE);
    update(pump);
}

static void on_output(void *context, uint32_t events)
{
    struct pump *pump = context;

    (void)events;
    if (buffer_write(&pump->to_terminal, STDOUT_FILENO) < 0)
        finish(pump, PUMP_TERMINAL_GONE);
    update(pump);
}

static void on_signal(void *context, uint32_t events)
{
    struct pump *pump = context;
    struct signalfd_siginfo info;

    (void)events;
    if (read(pump->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGWINCH) {
        send_size(pump);
        update(pump);
        return;
    }
    /* The end of the container ends everybody in it: that the session has said farewell comes
     * first. */
    for (int i = 0; i < LAST_LOOKS && !pump->is_done; i++) {
        (void)buffer_write(&pump->to_terminal, STDOUT_FILENO);
        on_socket(pump, EPOLLIN);
    }
    if (!pump->is_done) {
        pump->result->signal = (int)info.ssi_signo;
        finish(pump, PUMP_SIGNALLED);
    }
    update(pump);
}

static int open_signals(void)
{
    static const int taken[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LENGTH(taken); i++)
        sigaddset(&set, taken[i]);
    if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int open_loop(struct pump *pump, int socket)
{
    int result = event_loop_open(&pump->loop, pump->sources, SOURCES, pump->timers, 1);

    if (result < 0)
        return result;
    pump->signal_fd = open_signals();
    if (pump->signal_fd < 0)
        return pump->signal_fd;
    pump->socket = watch_make(&pump->loop, socket, on_socket, pump);
    pump->input = watch_make(&pump->loop, STDIN_FILENO, on_input, pump);
    pump->output = watch_make(&pump->loop, STDOUT_FILENO, on_output, pump);
    result = event_loop_add(&pump->loop, pump->signal_fd, EPOLLIN, on_signal, pump);
    return result < 0 ? result : 0;
}

static int say_hello(struct pump *pump, const char *terminal_name)
{
    struct frame_hello hello = {.version = ATTACH_VERSION, .size = terminal_size()};
    int length = snprintf(hello.terminal, sizeof(hello.terminal), "%s", terminal_name);

    if (length <= 0 || (size_t)length >= sizeof(hello.terminal))
        snprintf(hello.terminal, sizeof(hello.terminal), "%s", DEFAULT_TERMINAL);
    return frame_append(&pump->to_socket, FRAME_HELLO, &hello, sizeof(hello));
}

int pump_run(int socket, const char *terminal_name, struct pump_result *result, struct error *err)
{
    struct pump *pump = calloc(1, sizeof(*pump));
    int status;

    if (pump == NULL)
        return error_set(err, ENOMEM, "attach");
    pump->signal_fd = -1;
    pump->result = result;
    pump->loop.epoll_fd = -1;
    pump->loop.timer_fd = -1;
    status = open_loop(pump, socket);
    if (status == 0)
        status = say_hello(pump, terminal_name);
    if (status == 0)
        update(pump);
    while (status == 0 && !pump->is_done)
        status = event_loop_run_once(&pump->loop, -1);
    cleanup_close(&pump->signal_fd);
    event_loop_close(&pump->loop);
    free(pump);
    return status < 0 ? error_set(err, -status, "wait for the session") : 0;
}
