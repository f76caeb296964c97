/*
 * One epoll loop over descriptors and timers that lie in arrays of the caller. No allocation, no
 * threads; callbacks run one after the other and may add and remove sources, themselves included.
 * wait_limit.h keeps them from waiting for others, in programs that ask for it.
 */
#ifndef BASE_EVENT_LOOP_H
#define BASE_EVENT_LOOP_H

#include <stddef.h>
#include <stdint.h>

/* EVENTS as epoll_ctl(2) reports them. */
typedef void event_loop_source_callback(void *context, uint32_t events);
typedef void event_loop_timer_callback(void *context);

/* A descriptor that is watched. Free while its callback is NULL. */
struct event_source {
    int fd;              /* borrowed */
    uint32_t generation; /* tells an event for a removed source from one for its successor */
    event_loop_source_callback *callback;
    void *context; /* borrowed */
};

/* A timer. Off while deadline_ns is 0. */
struct event_timer {
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    event_loop_timer_callback *callback;
    void *context; /* borrowed */
};

struct event_loop {
    int epoll_fd;
    int timer_fd;      /* one for all timers, armed with the earliest deadline */
    uint64_t armed_ns; /* what timer_fd is armed with; 0: nothing */
    struct event_source *sources;
    size_t source_count;
    struct event_timer *timers;
    size_t timer_count;
};

/* Sets LOOP up over the two arrays, which it borrows zeroed and uses until it is closed. 0 or
 * -errno. */
int event_loop_open(struct event_loop *loop, struct event_source *sources, size_t source_count,
                    struct event_timer *timers, size_t timer_count);

/* Closes what event_loop_open opened; the sources' descriptors stay open. */
void event_loop_close(struct event_loop *loop);

/*
 * Watches FD for EVENTS (EPOLLIN, EPOLLOUT, EPOLLONESHOT...). The number of the source, or -errno:
 * -ENOSPC when the array is full.
 */
int event_loop_add(struct event_loop *loop, int fd, uint32_t events,
                   event_loop_source_callback *callback, void *context);

/* Watches SOURCE for other EVENTS. 0 or -errno. */
int event_loop_modify(struct event_loop *loop, int source, uint32_t events);

/* Forgets SOURCE; events of it that were already received are dropped. Do it before the fd is
 * closed. */
void event_loop_remove(struct event_loop *loop, int source);

/* Calls CALLBACK once, at DEADLINE_NS. Replaces what timer INDEX was set to. */
void event_loop_set_timer(struct event_loop *loop, size_t index, uint64_t deadline_ns,
                          event_loop_timer_callback *callback, void *context);

/* Turns timer INDEX off. */
void event_loop_clear_timer(struct event_loop *loop, size_t index);

/*
 * Waits for something to happen, at most TIMEOUT_MS (-1: for ever), and calls the callbacks it
 * concerns; timers first. 0, or -errno when the kernel refused to wait.
 */
int event_loop_run_once(struct event_loop *loop, int timeout_ms);

#endif
