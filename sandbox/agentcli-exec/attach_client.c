/* Pumps bytes between an attached terminal and its tmux client; nothing here waits. */
#include "sandbox/agentcli-exec/attach_client.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "sandbox/agentcli-exec/places.h"
#include "sandbox/agentcli-exec/tmux.h"

/* A client says hello at once; one that does not is no client of ours. */
#define GREETING_MS 5000
/* From the end of the pane's command to the end of tmux: what tells an end from a detach. */
#define LEAVING_MS 500
/* For a slow terminal to take its last bytes. */
#define CLOSING_MS 1000
/* For a tmux client whose terminal hung up. */
#define REAPING_MS 1000

static void update_watches(struct attach_client *client);
static void on_timer(void *context);

static void set_timer(struct attach_client *client, uint64_t milliseconds)
{
    event_loop_set_timer(client->loop, client->timer,
                         clock_monotonic_ns() + milliseconds * CLOCK_NANOSECONDS_PER_MILLISECOND,
                         on_timer, client);
}

static void close_watched(struct watch *watch, int *fd)
{
    if (*fd < 0)
        return;
    watch_set(watch, 0);
    close(steal_fd(fd));
}

static void release(struct attach_client *client)
{
    event_loop_clear_timer(client->loop, client->timer);
    client->state = ATTACH_CLIENT_FREE;
}

/* The terminal hangs up, which ends a tmux client; its slot is free when it has been reaped. */
static void disconnect(struct attach_client *client)
{
    close_watched(&client->socket_watch, &client->socket);
    close_watched(&client->terminal_watch, &client->terminal);
    if (client->process < 0) {
        release(client);
        return;
    }
    client->state = ATTACH_CLIENT_REAPING;
    kill(client->pid, SIGHUP);
    set_timer(client, REAPING_MS);
}

void attach_client_finish(struct attach_client *client, enum frame_exit_reason reason,
                          int exit_code)
{
    struct frame_exit ending = {.reason = reason, .exit_code = exit_code};

    if (client->state == ATTACH_CLIENT_FREE || client->state >= ATTACH_CLIENT_CLOSING)
        return;
    if (frame_append(&client->to_socket, FRAME_EXIT, &ending, sizeof(ending)) < 0) {
        disconnect(client);
        return;
    }
    close_watched(&client->terminal_watch, &client->terminal);
    client->state = ATTACH_CLIENT_CLOSING;
    set_timer(client, CLOSING_MS);
    update_watches(client);
}

/* What tmux still had to say is in the pty; a frame for the ending stays free. */
static void drain_terminal(struct attach_client *client)
{
    uint8_t data[FRAME_DATA_MAX];

    while (client->terminal >= 0 &&
           buffer_room(&client->to_socket) >=
               2 * sizeof(struct frame_header) + sizeof(data) + sizeof(struct frame_exit)) {
        ssize_t count = read(client->terminal, data, sizeof(data));

        if (count < 0 && (errno == EINTR))
            continue;
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0) {
            /* EIO: nobody has the other side open any more. */
            close_watched(&client->terminal_watch, &client->terminal);
            return;
        }
        frame_append(&client->to_socket, FRAME_DATA, data, (size_t)count);
    }
}

/* Whether the person detached or the session is over shows in a moment, when the command has left a
 * status. */
static void leave(struct attach_client *client)
{
    struct error err = ERROR_INITIALIZER;
    int wait_status;

    drain_terminal(client);
    if (client->has_ending) {
        attach_client_finish(client, FRAME_EXIT_ENDED, client->exit_code);
        return;
    }
    if (client->has_succeeded && places_read_status(&wait_status, &err) < 0) {
        attach_client_finish(client, FRAME_EXIT_DETACHED, 0);
        return;
    }
    client->state = ATTACH_CLIENT_LEAVING;
    set_timer(client, LEAVING_MS);
    update_watches(client);
}

static void on_timer(void *context)
{
    struct attach_client *client = context;

    switch (client->state) {
    case ATTACH_CLIENT_GREETING:
    case ATTACH_CLIENT_CLOSING:
        disconnect(client);
        return;
    case ATTACH_CLIENT_LEAVING:
        attach_client_finish(client,
                             client->has_succeeded ? FRAME_EXIT_DETACHED : FRAME_EXIT_FAILED, 0);
        return;
    case ATTACH_CLIENT_REAPING:
        kill(client->pid, SIGKILL);
        return;
    case ATTACH_CLIENT_ATTACHED:
        leave(client); /* armed when the session is over and tmux stays */
        return;
    case ATTACH_CLIENT_FREE:
        return;
    }
}

void attach_client_end(struct attach_client *client, int exit_code)
{
    client->has_ending = true;
    client->exit_code = exit_code;
    if (client->state == ATTACH_CLIENT_ATTACHED)
        set_timer(client, LEAVING_MS);
    else
        attach_client_finish(client, FRAME_EXIT_ENDED, exit_code);
}

static void on_process(void *context, uint32_t events)
{
    struct attach_client *client = context;
    int status = 0;

    (void)events;
    if (waitpid(client->pid, &status, WNOHANG) == 0)
        return;
    close_watched(&client->process_watch, &client->process);
    client->has_succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (client->state == ATTACH_CLIENT_REAPING)
        release(client);
    else if (client->state == ATTACH_CLIENT_ATTACHED)
        leave(client);
}

static void on_terminal(void *context, uint32_t events)
{
    struct attach_client *client = context;

    if ((events & EPOLLOUT) != 0 && buffer_write(&client->to_terminal, client->terminal) < 0)
        buffer_clear(&client->to_terminal);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        drain_terminal(client);
    update_watches(client);
}

static int start_tmux(struct attach_client *client, const struct frame_hello *hello)
{
    int result =
        tmux_attach(client->environment, hello, &client->terminal, &client->pid, &client->process);

    if (result < 0)
        return result;
    client->terminal_watch = watch_make(client->loop, client->terminal, on_terminal, client);
    client->process_watch = watch_make(client->loop, client->process, on_process, client);
    client->state = ATTACH_CLIENT_ATTACHED;
    event_loop_clear_timer(client->loop, client->timer);
    return watch_set(&client->process_watch, EPOLLIN);
}

static int greet(struct attach_client *client, const struct frame *frame)
{
    struct frame_hello hello;

    if (frame_read_hello(frame, &hello) < 0)
        return -EPROTO;
    if (start_tmux(client, &hello) < 0)
        attach_client_finish(client, FRAME_EXIT_FAILED, 0);
    return 0;
}

static int resize(const struct attach_client *client, const struct frame *frame)
{
    struct frame_size size;
    struct winsize window = {.ws_row = 0};

    if (frame_read_size(frame, &size) < 0)
        return -EPROTO;
    window.ws_row = size.rows;
    window.ws_col = size.columns;
    if (client->terminal >= 0)
        ioctl(client->terminal, TIOCSWINSZ, &window);
    return 0;
}

/* 1 when the frame was dealt with, 0 when it has to wait for room, -EPROTO when it has no place
 * here. */
static int take_frame(struct attach_client *client, const struct frame *frame)
{
    if (client->state == ATTACH_CLIENT_GREETING)
        return greet(client, frame) < 0 ? -EPROTO : 1;
    if (frame->type == FRAME_RESIZE)
        return resize(client, frame) < 0 ? -EPROTO : 1;
    if (frame->type != FRAME_DATA)
        return -EPROTO;
    if (client->terminal < 0)
        return 1; /* typed after the end: there is nobody to read it */
    if (buffer_room(&client->to_terminal) < frame->length)
        return 0;
    buffer_append(&client->to_terminal, frame->payload, frame->length);
    client->heard_ns = clock_monotonic_ns();
    return 1;
}

static void take_frames(struct attach_client *client)
{
    struct frame frame;

    for (;;) {
        int result = frame_peek(&client->from_socket, &frame);

        if (result > 0)
            result = take_frame(client, &frame);
        if (result < 0)
            attach_client_finish(client, FRAME_EXIT_REFUSED, 0);
        if (result <= 0 || client->socket < 0 || client->state >= ATTACH_CLIENT_CLOSING)
            return;
        buffer_consume(&client->from_socket, frame_size_of(&frame));
    }
}

static void on_socket(void *context, uint32_t events)
{
    struct attach_client *client = context;

    if ((events & EPOLLOUT) != 0 && buffer_write(&client->to_socket, client->socket) < 0) {
        disconnect(client);
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        int count = buffer_read(&client->from_socket, client->socket);

        if (count == 0 || (count < 0 && count != -EAGAIN)) {
            disconnect(client);
            return;
        }
        if (client->state == ATTACH_CLIENT_CLOSING)
            buffer_clear(&client->from_socket);
    }
    update_watches(client);
}

static bool is_sent(const struct attach_client *client)
{
    return client->state == ATTACH_CLIENT_CLOSING && buffer_size(&client->to_socket) == 0;
}

/* Interest follows room: a side that takes nothing stops the other side's reads, and only those. */
static void update_watches(struct attach_client *client)
{
    uint32_t socket_events = 0;
    uint32_t terminal_events = 0;

    if (client->state < ATTACH_CLIENT_CLOSING)
        take_frames(client);
    if (is_sent(client)) {
        disconnect(client);
        return;
    }
    if (client->socket >= 0) {
        socket_events |= buffer_room(&client->from_socket) > 0 ? EPOLLIN : 0;
        socket_events |= buffer_size(&client->to_socket) > 0 ? EPOLLOUT : 0;
        watch_set(&client->socket_watch, socket_events);
    }
    if (client->terminal >= 0) {
        terminal_events |= buffer_room(&client->to_socket) >= BUFFER_SIZE / 2 ? EPOLLIN : 0;
        terminal_events |= buffer_size(&client->to_terminal) > 0 ? EPOLLOUT : 0;
        watch_set(&client->terminal_watch, terminal_events);
    }
}

void attach_client_begin(struct attach_client *client, int socket)
{
    client->state = ATTACH_CLIENT_GREETING;
    client->socket = socket;
    client->terminal = -1;
    client->process = -1;
    client->has_succeeded = false;
    client->has_ending = false;
    client->heard_ns = clock_monotonic_ns();
    buffer_clear(&client->from_socket);
    buffer_clear(&client->to_socket);
    buffer_clear(&client->to_terminal);
    client->socket_watch = watch_make(client->loop, socket, on_socket, client);
    set_timer(client, GREETING_MS);
    update_watches(client);
}
