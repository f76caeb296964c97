/* Time: monotonic nanoseconds for deadlines, RFC 3339 UTC for people and logs. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_NANOSECONDS_PER_SECOND UINT64_C(1000000000)
#define CLOCK_NANOSECONDS_PER_MILLISECOND UINT64_C(1000000)
/* "2026-01-02T03:04:05.678901Z" with the terminator. */
#define CLOCK_TIMESTAMP_SIZE 28

/* CLOCK_MONOTONIC now, in nanoseconds. */
uint64_t clock_monotonic_ns(void);
/* CLOCK_REALTIME now, in nanoseconds since the epoch. */
uint64_t clock_realtime_ns(void);
/* Writes REALTIME_NS as RFC 3339 UTC with microseconds into TEXT. Needs no time zone data. */
void clock_format(uint64_t realtime_ns, char text[CLOCK_TIMESTAMP_SIZE]);
/* Reads RFC 3339 UTC ("...Z") with any fraction into *REALTIME_NS. 0, or -EINVAL for anything else
 * and for times before the epoch. */
int clock_parse(const char *text, uint64_t *realtime_ns);

#endif
