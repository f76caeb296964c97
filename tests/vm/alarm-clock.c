/*
 * Sets a timer by an absolute time of one clock, lets the wall clock jump, and says whether the
 * timer rang: what a program suffers that trusts the wall clock with a deadline. alarm-clock
 * realtime|monotonic MILLISECONDS PATIENCE_MILLISECONDS DAYS Prints "rang MILLISECONDS" (of the
 * monotonic clock) or "silent".
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "lib/base/clock.h"

#define DAY 86400
#define MS CLOCK_NANOSECONDS_PER_MILLISECOND

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int clock = strcmp(argv[1], "realtime") == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    uint64_t wait_ns = strtoull(argv[2], NULL, 10) * MS;
    int patience_ms = (int)strtol(argv[3], NULL, 10);
    uint64_t begin = clock_monotonic_ns();
    uint64_t end = (clock == CLOCK_REALTIME ? clock_realtime_ns() : begin) + wait_ns;
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(end / CLOCK_NANOSECONDS_PER_SECOND),
                                           .tv_nsec = (long)(end % CLOCK_NANOSECONDS_PER_SECOND)}};
    struct pollfd timer = {.fd = timerfd_create(clock, TFD_CLOEXEC), .events = POLLIN};
    if (timer.fd < 0 || timerfd_settime(timer.fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        return 2;
    uint64_t now = clock_realtime_ns() / CLOCK_NANOSECONDS_PER_SECOND;
    struct timespec jump = {.tv_sec = (time_t)now + strtol(argv[4], NULL, 10) * DAY};
    if (clock_settime(CLOCK_REALTIME, &jump) < 0)
        return 2;
    if (poll(&timer, 1, patience_ms) == 1)
        printf("rang %llu\n", (unsigned long long)((clock_monotonic_ns() - begin) / MS));
    else
        puts("silent");
    return 0;
}
