/* The fake kernel's rest: descriptors, sockets, the event loop and its timers, the clocks. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/unix_socket.h"
#include "tests/unit/init/model.h"
#include "tests/unit/init/model_kernel.h"

/* Descriptors that are no real ones. */
#define FIRST_FD 1000
#define CHILDREN_FD 901
/* Between the two clocks: whoever takes one for the other waits for ever, or not at all. */
#define REALTIME_AHEAD_NS (50ULL * 365 * 86400 * CLOCK_NANOSECONDS_PER_SECOND)

static int next_fd;
static struct kernel_message next_message;
static bool is_list_read;

const struct time_mutation *model_time_mutation;

void kernel_reset(void)
{
    next_fd = FIRST_FD;
    next_message = (struct kernel_message){.fd = -1};
    kernel_reset_processes();
}

int kernel_open(void)
{
    model.open_fds++;
    return next_fd++;
}

void kernel_send(const struct kernel_message *message)
{
    next_message = *message;
}

/* In our own /proc, where we have our own number. */
ssize_t readlink(const char *path, char *buf, size_t len)
{
    (void)path;
    return snprintf(buf, len, "%d", (int)getpid());
}

/* Nothing but the list of our children is ever opened. */
int open(const char *file, int oflag, ...)
{
    (void)file;
    (void)oflag;
    is_list_read = false;
    return CHILDREN_FD;
}

ssize_t read(int fd, void *buf, size_t nbytes)
{
    if (fd == MODEL_SIGNAL_FD)
        return (ssize_t)(kernel_read_signals(buf) * sizeof(struct signalfd_siginfo));
    if (is_list_read)
        return 0;
    is_list_read = true;
    return (ssize_t)kernel_list_children(buf, nbytes);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    (void)domain;
    (void)type;
    (void)protocol;
    fds[0] = kernel_open();
    fds[1] = kernel_open();
    return 0;
}

int close(int fd)
{
    model.open_fds -= fd >= FIRST_FD;
    return 0;
}

int tcsetpgrp(int fd, pid_t pgrp_id)
{
    (void)fd;
    (void)pgrp_id;
    return 0;
}

ssize_t unix_socket_receive(int fd, void *data, size_t size, int *received)
{
    if (fd != next_message.fd)
        return -EAGAIN;
    next_message.fd = -1;
    *received = -1;
    memcpy(data, next_message.data, next_message.size < size ? next_message.size : size);
    return (ssize_t)next_message.size;
}

int event_loop_add(struct event_loop *loop, int fd, uint32_t events,
                   event_loop_source_callback *callback, void *context)
{
    (void)events;
    for (int i = 0; i < INIT_SOURCES_MAX; i++) {
        if (loop->sources[i].callback != NULL)
            continue;
        loop->sources[i] =
            (struct event_source){.fd = fd, .callback = callback, .context = context};
        return i;
    }
    return -ENOSPC;
}

void event_loop_remove(struct event_loop *loop, int source)
{
    loop->sources[source].callback = NULL;
}

/* True when the timer INDEX, as it is armed or disarmed now, is the one to be changed. */
static bool is_changed(size_t index)
{
    const struct time_mutation *mutation = model_time_mutation;
    if (mutation == NULL || mutation->timer != index)
        return false;
    if (index < MODEL_SERVICES)
        return mutation->state == model.init.services[index].state;
    return index != INIT_TIMER_DEADLINE || mutation->state == model.init.state;
}

static uint64_t change(uint64_t deadline_ns)
{
    uint64_t span_ns = deadline_ns - model.now_ns;
    switch (model_time_mutation->change) {
    case TIME_NEVER:
        return 0;
    case TIME_TWICE:
        return deadline_ns + span_ns;
    case TIME_HALF:
        return deadline_ns - span_ns / 2;
    case TIME_RELATIVE:
        return span_ns;
    case TIME_REALTIME:
        return deadline_ns + REALTIME_AHEAD_NS;
    case TIME_FROM_NOW:
        return deadline_ns + (model.now_ns - model.stop_ns);
    case TIME_FROM_START:
        return deadline_ns - (model.now_ns - model.stop_ns);
    case TIME_KEPT:
        break;
    }
    return deadline_ns;
}

void event_loop_set_timer(struct event_loop *loop, size_t index, uint64_t deadline_ns,
                          event_loop_timer_callback *callback, void *context)
{
    if (is_changed(index))
        deadline_ns = change(deadline_ns);
    model.armed_for_the_past += deadline_ns != 0 && deadline_ns < model.now_ns;
    loop->timers[index] =
        (struct event_timer){.deadline_ns = deadline_ns, .callback = callback, .context = context};
}

void event_loop_clear_timer(struct event_loop *loop, size_t index)
{
    if (!is_changed(index) || model_time_mutation->change != TIME_KEPT)
        loop->timers[index].deadline_ns = 0;
}

/* Nothing but slow looks takes any time of the cpu. */
int clock_gettime(clockid_t clock_id, struct timespec *tp)
{
    (void)clock_id;
    *tp = (struct timespec){.tv_sec = (time_t)(model.cpu_ns / CLOCK_NANOSECONDS_PER_SECOND),
                            .tv_nsec = (long)(model.cpu_ns % CLOCK_NANOSECONDS_PER_SECOND)};
    return 0;
}

uint64_t clock_monotonic_ns(void)
{
    return model.now_ns;
}

uint64_t clock_realtime_ns(void)
{
    return model.now_ns + REALTIME_AHEAD_NS;
}

void diagnostic_say(const char *first, ...)
{
    record_note_words(first);
}

char *diagnostic_number(char text[DIAGNOSTIC_NUMBER_SIZE], uint64_t number)
{
    snprintf(text, DIAGNOSTIC_NUMBER_SIZE, "%llu", (unsigned long long)number);
    return text;
}

/* Nobody asks this PID 1 anything. */
void control_listen(struct init *init)
{
    (void)init;
    promises_note_client(true);
}
