/* An epoll set, one absolute timerfd, and two arrays. */
#include "lib/base/event_loop.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/wait_limit.h"

/* Events taken from the kernel at once; more wait for the next round. */
#define EVENT_LOOP_BATCH 16
/* What epoll says when it is timer_fd that is readable: no source has this number. */
#define EVENT_LOOP_TIMER UINT64_MAX

/* A source's number in the low half, its generation in the high one. */
static uint64_t source_tag(const struct event_loop *loop, size_t index)
{
    return (uint64_t)loop->sources[index].generation << 32 | index;
}

static int control(struct event_loop *loop, int operation, size_t index, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = source_tag(loop, index)};
    return epoll_ctl(loop->epoll_fd, operation, loop->sources[index].fd, &event) < 0 ? -errno : 0;
}

int event_loop_open(struct event_loop *loop, struct event_source *sources, size_t source_count,
                    struct event_timer *timers, size_t timer_count)
{
    cleanup_fd int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        return -errno;
    cleanup_fd int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer_fd < 0)
        return -errno;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = EVENT_LOOP_TIMER};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) < 0)
        return -errno;
    *loop = (struct event_loop){.epoll_fd = steal_fd(&epoll_fd),
                                .timer_fd = steal_fd(&timer_fd),
                                .sources = sources,
                                .source_count = source_count,
                                .timers = timers,
                                .timer_count = timer_count};
    return 0;
}

void event_loop_close(struct event_loop *loop)
{
    cleanup_close(&loop->timer_fd);
    cleanup_close(&loop->epoll_fd);
}

int event_loop_add(struct event_loop *loop, int fd, uint32_t events,
                   event_loop_source_callback *callback, void *context)
{
    size_t index = 0;
    while (index < loop->source_count && loop->sources[index].callback != NULL)
        index++;
    if (index == loop->source_count)
        return -ENOSPC;
    struct event_source *source = &loop->sources[index];
    source->fd = fd;
    int result = control(loop, EPOLL_CTL_ADD, index, events);
    if (result < 0)
        return result;
    source->callback = callback;
    source->context = context;
    return (int)index;
}

int event_loop_modify(struct event_loop *loop, int source, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, (size_t)source, events);
}

void event_loop_remove(struct event_loop *loop, int source)
{
    size_t index = (size_t)source;
    /* EBADF and ENOENT mean that the kernel forgot it already, which is what was asked for. */
    control(loop, EPOLL_CTL_DEL, index, 0);
    loop->sources[index].callback = NULL;
    loop->sources[index].generation++;
}

void event_loop_set_timer(struct event_loop *loop, size_t index, uint64_t deadline_ns,
                          event_loop_timer_callback *callback, void *context)
{
    /* 0 means off, and a deadline of 0 is long past. */
    loop->timers[index] = (struct event_timer){.deadline_ns = deadline_ns == 0 ? 1 : deadline_ns,
                                               .callback = callback,
                                               .context = context};
}

void event_loop_clear_timer(struct event_loop *loop, size_t index)
{
    loop->timers[index].deadline_ns = 0;
}

/* Arms timer_fd with the earliest deadline, when that changed. */
static int arm(struct event_loop *loop)
{
    uint64_t earliest = 0;
    for (size_t i = 0; i < loop->timer_count; i++) {
        uint64_t deadline = loop->timers[i].deadline_ns;
        if (deadline != 0 && (earliest == 0 || deadline < earliest))
            earliest = deadline;
    }
    if (earliest == loop->armed_ns)
        return 0;
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(earliest / CLOCK_NANOSECONDS_PER_SECOND),
                     .tv_nsec = (long)(earliest % CLOCK_NANOSECONDS_PER_SECOND)}};
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        return -errno;
    loop->armed_ns = earliest;
    return 0;
}

/* Calls every timer that is due now; one that a callback sets again waits for the next round. */
static void run_timers(struct event_loop *loop)
{
    uint64_t expirations;
    /* EAGAIN: armed anew since epoll_wait looked. The deadlines decide, not this count. */
    if (read(loop->timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
        return;
    loop->armed_ns = 0;
    uint64_t now = clock_monotonic_ns();
    for (size_t i = 0; i < loop->timer_count; i++) {
        struct event_timer timer = loop->timers[i];
        if (timer.deadline_ns == 0 || timer.deadline_ns > now)
            continue;
        loop->timers[i].deadline_ns = 0;
        timer.callback(timer.context);
    }
}

static void run_source(struct event_loop *loop, const struct epoll_event *event)
{
    size_t index = (size_t)(event->data.u64 & UINT32_MAX);
    const struct event_source *source = &loop->sources[index];
    if (source->callback != NULL && source_tag(loop, index) == event->data.u64)
        source->callback(source->context, event->events);
}

int event_loop_run_once(struct event_loop *loop, int timeout_ms)
{
    int result = arm(loop);
    if (result < 0)
        return result;
    struct epoll_event events[EVENT_LOOP_BATCH];
    wait_limit_lift();
    int count = epoll_wait(loop->epoll_fd, events, EVENT_LOOP_BATCH, timeout_ms);
    wait_limit_set();
    if (count < 0)
        return errno == EINTR ? 0 : -errno; /* stopped and continued: nothing happened */
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == EVENT_LOOP_TIMER)
            run_timers(loop);
    }
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 != EVENT_LOOP_TIMER)
            run_source(loop, &events[i]);
    }
    return 0;
}
