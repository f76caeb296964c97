/* Clocks and RFC 3339 without time zone data or stdio. */
#include "lib/base/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * CLOCK_NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_realtime_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

static char *put_digits(char *text, uint64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        text[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return text + width;
}

/* Days since 1970-01-01 to a civil date: the proleptic Gregorian calendar in 400-year eras of
 * 146097 days. */
static void civil_from_days(uint64_t days, uint64_t *year, uint64_t *month, uint64_t *day)
{
    uint64_t shifted = days + 719468; /* days since 0000-03-01 */
    uint64_t era = shifted / 146097;
    uint64_t day_of_era = shifted % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

void clock_format(uint64_t realtime_ns, char text[CLOCK_TIMESTAMP_SIZE])
{
    uint64_t seconds = realtime_ns / CLOCK_NANOSECONDS_PER_SECOND;
    uint64_t microseconds = realtime_ns % CLOCK_NANOSECONDS_PER_SECOND / 1000;
    uint64_t year, month, day;
    civil_from_days(seconds / 86400, &year, &month, &day);
    char *at = put_digits(text, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, seconds / 3600 % 24, 2);
    *at++ = ':';
    at = put_digits(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, seconds % 60, 2);
    *at++ = '.';
    at = put_digits(at, microseconds, 6);
    *at++ = 'Z';
    *at = '\0';
}
