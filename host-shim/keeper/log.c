/* Writes what the keeper itself has to record, and lines for people. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/clock.h"

/* How long drops are counted before they are recorded, so that a flood makes one record a second.
 */
#define DROPS_MS 1000
/* How long an exec event may wait for the disk: a sync of each would hold every command up. */
#define SYNC_MS 100

void log_note(const char *format, ...)
{
    char now[CLOCK_TIMESTAMP_SIZE];
    char text[ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    clock_format(clock_realtime_ns(), now);
    dprintf(STDERR_FILENO, "%s %s\n", now, text);
}

void log_record(struct keeper *keeper, enum audit_event event, const struct audit_source *source,
                json_t *fields)
{
    struct error err = ERROR_INITIALIZER;
    event_loop_clear_timer(&keeper->loop, KEEPER_TIMER_SYNC);
    if (audit_log_append(keeper->log, event, source, fields, &err) < 0)
        log_note("record %s: %s", audit_event_name(event), error_text(&err));
    json_decref(fields);
}

void log_sync(struct keeper *keeper)
{
    struct error err = ERROR_INITIALIZER;
    event_loop_clear_timer(&keeper->loop, KEEPER_TIMER_SYNC);
    if (audit_log_sync(keeper->log, &err) < 0)
        log_note("%s", error_text(&err));
}

static void on_sync(void *context)
{
    log_sync(context);
}

void log_record_soon(struct keeper *keeper, enum audit_event event,
                     const struct audit_source *source, json_t *fields)
{
    struct error err = ERROR_INITIALIZER;
    if (audit_log_append_unsynced(keeper->log, event, source, fields, &err) < 0)
        log_note("record %s: %s", audit_event_name(event), error_text(&err));
    json_decref(fields);
    if (keeper->timers[KEEPER_TIMER_SYNC].deadline_ns == 0)
        event_loop_set_timer(&keeper->loop, KEEPER_TIMER_SYNC,
                             clock_monotonic_ns() + SYNC_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                             on_sync, keeper);
}

void log_own(struct keeper *keeper, enum audit_event event, json_t *fields)
{
    const struct audit_source source = {.program = "keeper", .uid = getuid(), .pid = getpid()};
    log_record(keeper, event, &source, fields);
}

static void record_count(struct keeper *keeper, const char *what, uint64_t count,
                         const char *detail)
{
    log_own(
        keeper, AUDIT_LIMIT_HIT,
        json_pack("{s:s, s:I, s:s}", "what", what, "count", (json_int_t)count, "detail", detail));
}

void log_refusal(struct keeper *keeper, const char *what, uid_t uid, const char *detail)
{
    if (!admission_refuse(&keeper->admission, what, uid))
        return;
    char text[ERROR_MESSAGE_SIZE];
    snprintf(text, sizeof(text), "uid %u: %s", uid, detail);
    record_count(keeper, what, 1, text);
}

static void record_drops(void *context)
{
    struct keeper *keeper = context;
    if (keeper->admission.dropped > 0)
        record_count(keeper, "events", keeper->admission.dropped,
                     "dropped over the rate or size limit");
    if (keeper->admission.execs_dropped > 0)
        record_count(keeper, "execs", keeper->admission.execs_dropped,
                     "dropped over the size limit");
    keeper->admission.dropped = 0;
    keeper->admission.execs_dropped = 0;
}

void log_drop(struct keeper *keeper)
{
    if (keeper->timers[KEEPER_TIMER_DROPS].deadline_ns == 0)
        event_loop_set_timer(&keeper->loop, KEEPER_TIMER_DROPS,
                             clock_monotonic_ns() + DROPS_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                             record_drops, keeper);
}

void log_totals(struct keeper *keeper)
{
    record_drops(keeper);
    for (size_t i = 0; i <= ADMISSION_REFUSALS; i++) {
        struct admission_refusal *refusal = &keeper->admission.refusals[i];
        char text[64];
        if (refusal->count <= 1)
            continue;
        snprintf(text, sizeof(text), "uid %u: in all", refusal->uid);
        record_count(keeper, refusal->what, refusal->count, text);
        refusal->count = 0;
    }
}
