/* Records events of PID 1, and remembers those that tell how the session ended. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/wire/init_protocol.h"

/* As agent-boot calls it: the main one. */
#define AGENT_SERVICE "agent"

/* clang-format off */
static const char *const kind_names[] = {
    [INIT_EVENT_BOOT_STARTED]        = "boot-started",
    [INIT_EVENT_BOOT_READY]          = "boot-ready",
    [INIT_EVENT_BOOT_REFUSED]        = "boot-refused",
    [INIT_EVENT_SERVICE_STARTED]     = "service-started",
    [INIT_EVENT_SERVICE_READY]       = "service-ready",
    [INIT_EVENT_SERVICE_EXITED]      = "service-exited",
    [INIT_EVENT_SERVICE_RESTARTING]  = "service-restarting",
    [INIT_EVENT_SERVICE_FAILED]      = "service-failed",
    [INIT_EVENT_STOP_REQUESTED]      = "stop-requested",
    [INIT_EVENT_STOP_ESCALATED]      = "stop-escalated",
    [INIT_EVENT_SHUTDOWN_STARTED]    = "shutdown-started",
    [INIT_EVENT_SHUTDOWN_DONE]       = "shutdown-done",
    [INIT_EVENT_TRANSITION_REJECTED] = "transition-rejected",
    [INIT_EVENT_OVERFLOW]            = "overflow",
    [INIT_EVENT_SERVICE_TIMED_OUT]   = "service-timed-out",
    [INIT_EVENT_NOTICE_REFUSED]      = "notice-refused",
};
/* clang-format on */

/* A name as agent-boot gives them; it goes into a log that people read on a terminal. */
static bool is_service_name(const char name[INIT_NAME_SIZE])
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *end = memchr(name, '\0', INIT_NAME_SIZE);
    return end != NULL && strspn(name, allowed) == (size_t)(end - name);
}

static int parse(const void *payload, size_t size, struct init_event *event, struct error *err)
{
    if (size != sizeof(*event))
        return error_set(err, EPROTO, "the event of PID 1 has another size");
    memcpy(event, payload, sizeof(*event));
    if (event->version != INIT_PROTOCOL_VERSION)
        return error_set(err, EPROTO, "the event of PID 1 has version %u", event->version);
    if (event->kind >= ARRAY_LENGTH(kind_names) || kind_names[event->kind] == NULL)
        return error_set(err, EPROTO, "the event of PID 1 has the unknown kind %u", event->kind);
    if (!is_service_name(event->service))
        return error_set(err, EPROTO, "the event of PID 1 has a service name that is none");
    if (event->sequence > INT64_MAX || event->monotonic_ns > INT64_MAX)
        return error_set(err, EPROTO, "the event of PID 1 has a number out of range");
    return 0;
}

static void remember(struct ending *ending, const struct init_event *event)
{
    ending->init_spoke = true;
    if (event->kind == INIT_EVENT_SHUTDOWN_DONE)
        ending->shutdown_was_done = true;
    /* The first request is the cause; a second only hurries. */
    if (event->kind == INIT_EVENT_STOP_REQUESTED && ending->stop_signal == 0)
        ending->stop_signal = (int)(event->value & 0x7f);
    int status = (int)event->value;
    if (event->kind == INIT_EVENT_SERVICE_EXITED && strcmp(event->service, AGENT_SERVICE) == 0)
        ending->agent_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (event->kind == INIT_EVENT_SERVICE_FAILED)
        snprintf(ending->failed_service, sizeof(ending->failed_service), "%s", event->service);
}

int init_event_record(struct keeper *keeper, const struct audit_source *source, const void *payload,
                      size_t size, struct error *err)
{
    struct init_event event;
    int result = parse(payload, size, &event, err);
    if (result < 0)
        return result;
    remember(&keeper->ending, &event);
    log_record(keeper, AUDIT_SERVICE, source,
               json_pack("{s:s, s:s, s:I, s:I, s:I}", "kind", kind_names[event.kind], "service",
                         event.service, "value", (json_int_t)event.value, "init_sequence",
                         (json_int_t)event.sequence, "init_monotonic_ns",
                         (json_int_t)event.monotonic_ns));
    return 0;
}
