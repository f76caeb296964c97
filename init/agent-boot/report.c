/* Tells people and the audit log how the boot goes. */
#include "init/agent-boot/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/fd.h"
#include "lib/wire/channel.h"

/* Events from before the hello, which the manifest step says: few, because only the kernel step
 * comes before it. */
#define EARLY_EVENTS_MAX 8

static struct {
    enum audit_event event;
    json_t *fields; /* owned */
} early[EARLY_EVENTS_MAX];
static size_t early_count;

static void send_or_print(struct boot_context *context, enum audit_event event, json_t *fields)
{
    struct error err = ERROR_INITIALIZER;
    if (context->channel_fd < 0 ||
        channel_send_event(context->channel_fd, event, fields, &err) < 0) {
        cleanup_free char *text = json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS);
        diagnostic_print("audit: %s %s%s%s\n", audit_event_name(event), text == NULL ? "{}" : text,
                         err.message[0] == '\0' ? "" : ": ", err.message);
    }
    json_decref(fields);
}

static void flush_early(struct boot_context *context)
{
    for (size_t i = 0; i < early_count; i++)
        send_or_print(context, early[i].event, early[i].fields);
    early_count = 0;
}

void report_event(struct boot_context *context, enum audit_event event, json_t *fields)
{
    if (context->manifest_sha256 == NULL) {
        /* Nobody keeps a log of a plain container: the report on stderr says the same to a person.
         */
        json_decref(fields);
        return;
    }
    bool is_early = context->channel_fd < 0 && context->manifest == NULL;
    if (is_early && event == AUDIT_BOOT_STEP && early_count < EARLY_EVENTS_MAX) {
        early[early_count].event = event;
        early[early_count++].fields = fields;
        return;
    }
    flush_early(context);
    send_or_print(context, event, fields);
}

void report_head(void)
{
    diagnostic_print("coding-agents %s\n", CODING_AGENTS_VERSION);
}

static json_int_t step_time_us(const struct boot_context *context)
{
    return (json_int_t)((context->step_deadline_ns - context->step_start_ns) / 1000);
}

void report_step(struct boot_context *context, const struct boot_step *step, const char *outcome,
                 uint64_t duration_us)
{
    bool is_down = context->mode == BOOT_MODE_SHUTDOWN || context->is_unwinding;
    diagnostic_print("  %-12s %-8s %6" PRIu64 ".%" PRIu64 " ms  %s\n", step->name, outcome,
                     duration_us / 1000, duration_us % 1000 / 100, context->detail);
    json_t *fields = json_pack("{s:s, s:I, s:s, s:s%}", "step", step->name, "duration_us",
                               (json_int_t)duration_us, "outcome", outcome, "detail",
                               context->detail, strnlen(context->detail, sizeof(context->detail)));
    if (is_down)
        json_object_set_new(fields, "deadline_us", json_integer(step_time_us(context)));
    report_event(context, is_down ? AUDIT_SHUTDOWN_STEP : AUDIT_BOOT_STEP, fields);
}

void report_ready(struct boot_context *context, uint64_t duration_us)
{
    json_t *weaker = json_array();
    for (size_t i = 0; i < context->weaker_count; i++) {
        diagnostic_print("  weaker: %s\n", context->weaker[i]);
        json_array_append_new(weaker, json_string(context->weaker[i]));
    }
    diagnostic_print("boot finished in %" PRIu64 ".%" PRIu64 " ms\n", duration_us / 1000,
                     duration_us % 1000 / 100);
    report_event(context, AUDIT_BOOT_REPORT,
                 json_pack("{s:I, s:o}", "duration_us", (json_int_t)duration_us, "weaker", weaker));
}

void report_refusal(struct boot_context *context, const struct boot_step *step, int exit_code,
                    const struct error *err)
{
    diagnostic_print("agent-boot: %s: %s\n", step->name, error_text(err));
    report_event(context, AUDIT_BOOT_REFUSED,
                 json_pack("{s:s, s:s, s:i}", "step", step->name, "message", error_text(err),
                           "exit_code", exit_code));
}

void report_progress(const char *step, const char *format, ...)
{
    char text[BOOT_DETAIL_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    diagnostic_print("  %-12s %s\n", step, text);
}
