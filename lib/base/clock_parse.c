/* Reads RFC 3339: apart from clock.c, so that PID 1 has no part of the C library's for it. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"

int clock_parse(const char *text, uint64_t *realtime_ns)
{
    struct tm when = {.tm_isdst = 0};
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &when);
    time_t seconds = at == NULL ? -1 : timegm(&when);
    if (seconds < 0)
        return -EINVAL;
    uint64_t fraction = 0;
    uint64_t unit = CLOCK_NANOSECONDS_PER_SECOND / 10;
    if (*at == '.')
        at++;
    for (; *at >= '0' && *at <= '9'; at++, unit /= 10)
        fraction += (uint64_t)(*at - '0') * unit;
    if (strcmp(at, "Z") != 0)
        return -EINVAL;
    *realtime_ns = (uint64_t)seconds * CLOCK_NANOSECONDS_PER_SECOND + fraction;
    return 0;
}
