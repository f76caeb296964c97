/* Two views of each reply, from one set of names. */
#include "init/agent-initctl/print.h"

#include <stdio.h>
#include <sys/wait.h>

#include "init/machine/machine.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

enum event_value { VALUE_NONE, VALUE_NUMBER, VALUE_WAIT_STATUS, VALUE_TRANSITION };

/* clang-format off */
static const struct {
    const char *name;
    enum event_value kind;
    const char *value; /* the key of a VALUE_NUMBER */
} event_kinds[] = {
    [INIT_EVENT_BOOT_STARTED]        = {"boot-started", VALUE_NONE, NULL},
    [INIT_EVENT_BOOT_READY]          = {"boot-ready", VALUE_NONE, NULL},
    [INIT_EVENT_BOOT_REFUSED]        = {"boot-refused", VALUE_NUMBER, "exit_code"},
    [INIT_EVENT_SERVICE_STARTED]     = {"service-started", VALUE_NUMBER, "pid"},
    [INIT_EVENT_SERVICE_READY]       = {"service-ready", VALUE_NONE, NULL},
    [INIT_EVENT_SERVICE_EXITED]      = {"service-exited", VALUE_WAIT_STATUS, NULL},
    [INIT_EVENT_SERVICE_RESTARTING]  = {"service-restarting", VALUE_NUMBER, "delay_ms"},
    [INIT_EVENT_SERVICE_FAILED]      = {"service-failed", VALUE_NUMBER, "errno"},
    [INIT_EVENT_STOP_REQUESTED]      = {"stop-requested", VALUE_NUMBER, "signal"},
    [INIT_EVENT_STOP_ESCALATED]      = {"stop-escalated", VALUE_NUMBER, "signal"},
    [INIT_EVENT_SHUTDOWN_STARTED]    = {"shutdown-started", VALUE_NONE, NULL},
    [INIT_EVENT_SHUTDOWN_DONE]       = {"shutdown-done", VALUE_WAIT_STATUS, NULL},
    [INIT_EVENT_TRANSITION_REJECTED] = {"transition-rejected", VALUE_TRANSITION, NULL},
    [INIT_EVENT_OVERFLOW]            = {"overflow", VALUE_NUMBER, "lost"},
    [INIT_EVENT_SERVICE_TIMED_OUT]   = {"service-timed-out", VALUE_NUMBER, "given_ms"},
    [INIT_EVENT_NOTICE_REFUSED]      = {"notice-refused", VALUE_NUMBER, "errno"},
};
/* clang-format on */

static void add_string(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, value == NULL ? json_null() : json_string(value));
}

static void add_number(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void add_wait_status(json_t *object, int status)
{
    if (WIFSIGNALED(status))
        add_number(object, "signal", (uint64_t)WTERMSIG(status));
    else
        add_number(object, "exit_code", (uint64_t)WEXITSTATUS(status));
}

static void add_transition(json_t *object, const struct init_event *event)
{
    uint32_t state = event->value >> 16;
    uint32_t number = event->value & UINT16_MAX;
    bool is_session = event->service[0] == '\0';
    add_string(object, "state",
               is_session ? machine_session_state_name(state) : machine_service_state_name(state));
    add_string(object, "transition",
               is_session ? machine_session_event_name(number)
                          : machine_service_event_name(number));
}

static json_t *event_to_json(const struct init_event *event)
{
    char time[CLOCK_TIMESTAMP_SIZE];
    json_t *object = json_object();
    bool is_known =
        event->kind < ARRAY_LENGTH(event_kinds) && event_kinds[event->kind].name != NULL;
    add_number(object, "sequence", event->sequence);
    clock_format(event->realtime_ns, time);
    add_string(object, "time", time);
    add_number(object, "monotonic_ns", event->monotonic_ns);
    add_string(object, "event", is_known ? event_kinds[event->kind].name : "unknown");
    if (event->service[0] != '\0')
        add_string(object, "service", event->service);
    switch (is_known ? event_kinds[event->kind].kind : VALUE_NONE) {
    case VALUE_NUMBER:
        add_number(object, event_kinds[event->kind].value, event->value);
        break;
    case VALUE_WAIT_STATUS:
        add_wait_status(object, (int)event->value);
        break;
    case VALUE_TRANSITION:
        add_transition(object, event);
        break;
    case VALUE_NONE:
        break;
    }
    return object;
}

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
}

/* "TIME event service key=value..." */
static void print_line(json_t *object)
{
    const char *key;
    json_t *value;
    const char *service = json_string_value(json_object_get(object, "service"));
    printf("%s %s%s%s", json_string_value(json_object_get(object, "time")),
           json_string_value(json_object_get(object, "event")), service == NULL ? "" : " ",
           service == NULL ? "" : service);
    static const char *const shown[] = {"pid",  "exit_code", "signal",     "delay_ms", "errno",
                                        "lost", "state",     "transition", "given_ms"};
    for (size_t i = 0; i < ARRAY_LENGTH(shown); i++) {
        key = shown[i];
        value = json_object_get(object, key);
        if (json_is_integer(value))
            printf(" %s=%lld", key, (long long)json_integer_value(value));
        else if (json_is_string(value))
            printf(" %s=%s", key, json_string_value(value));
    }
    putchar('\n');
    json_decref(object);
}

void print_event(const struct init_event *event, bool is_json)
{
    if (is_json)
        print_json(event_to_json(event));
    else
        print_line(event_to_json(event));
    fflush(stdout);
}

static const char *or_unknown(const char *name)
{
    return name == NULL ? "unknown" : name;
}

static void print_session(struct print_status *status, const struct init_session_status *session)
{
    const char *state = or_unknown(machine_session_state_name(session->state));
    uint64_t uptime_ms = (session->now_monotonic_ns - session->started_monotonic_ns) /
                         CLOCK_NANOSECONDS_PER_MILLISECOND;
    status->now_ns = session->now_monotonic_ns;
    if (!status->is_json) {
        printf("session %s, up %llu.%03llu s, stop grace %u ms\n", state,
               (unsigned long long)(uptime_ms / 1000), (unsigned long long)(uptime_ms % 1000),
               session->stop_grace_ms);
        return;
    }
    status->session = json_object();
    add_number(status->session, "version", INIT_PROTOCOL_VERSION);
    add_string(status->session, "state", state);
    add_number(status->session, "uptime_ms", uptime_ms);
    add_number(status->session, "stop_grace_ms", session->stop_grace_ms);
    json_object_set_new(status->session, "exit_code",
                        session->exit_code < 0 ? json_null() : json_integer(session->exit_code));
    json_object_set_new(status->session, "services", json_array());
}

/* Milliseconds from one CLOCK_MONOTONIC time to a later one; 0 when either is not known. */
static uint64_t span_ms(uint64_t from_ns, uint64_t to_ns)
{
    return from_ns == 0 || to_ns < from_ns ? 0
                                           : (to_ns - from_ns) / CLOCK_NANOSECONDS_PER_MILLISECOND;
}

static json_t *service_to_json(const struct init_service_status *service, uint64_t now_ns)
{
    json_t *object = json_object();
    json_t *last = json_null();
    add_string(object, "name", service->name);
    add_string(object, "state", or_unknown(machine_service_state_name(service->state)));
    json_object_set_new(object, "main", json_boolean(service->flags & INIT_SERVICE_MAIN));
    json_object_set_new(object, "required", json_boolean(service->flags & INIT_SERVICE_REQUIRED));
    json_object_set_new(object, "pid",
                        service->pid == 0 ? json_null() : json_integer(service->pid));
    add_number(object, "restarts", service->restarts);
    add_number(object, "stored_fds", service->stored_fds);
    if (service->last_wait_status >= 0) {
        last = json_object();
        add_wait_status(last, service->last_wait_status);
    }
    json_object_set_new(object, "last_end", last);
    add_number(object, "since_ms", span_ms(service->since_monotonic_ns, now_ns));
    json_object_set_new(
        object, "next_start_in_ms",
        service->next_start_monotonic_ns == 0
            ? json_null()
            : json_integer((json_int_t)span_ms(now_ns, service->next_start_monotonic_ns)));
    return object;
}

static void print_end(const struct init_service_status *service)
{
    int status = service->last_wait_status;
    if (status >= 0 && WIFSIGNALED(status))
        printf(", last end by signal %d", WTERMSIG(status));
    else if (status >= 0)
        printf(", last end with code %d", WEXITSTATUS(status));
}

/* "NAME STATE for S.MMM s, pid N", and what else there is to tell. */
static void print_service_line(const struct init_service_status *service, uint64_t now_ns)
{
    uint64_t since_ms = span_ms(service->since_monotonic_ns, now_ns);
    printf("%-24s %-9s for %llu.%03llu s", service->name,
           or_unknown(machine_service_state_name(service->state)),
           (unsigned long long)(since_ms / 1000), (unsigned long long)(since_ms % 1000));
    if (service->pid != 0)
        printf(", pid %d", service->pid);
    if (service->restarts != 0)
        printf(", %u restarts", service->restarts);
    print_end(service);
    if (service->next_start_monotonic_ns != 0)
        printf(", starts in %llu ms",
               (unsigned long long)span_ms(now_ns, service->next_start_monotonic_ns));
    if (service->stored_fds != 0)
        printf(", %u stored descriptors", service->stored_fds);
    putchar('\n');
}

static void print_service(struct print_status *status, const struct init_service_status *service)
{
    if (status->session != NULL)
        json_array_append_new(json_object_get(status->session, "services"),
                              service_to_json(service, status->now_ns));
    else
        print_service_line(service, status->now_ns);
}

void print_status_reply(struct print_status *status, const struct init_reply *reply)
{
    if (reply->type == INIT_REPLY_SESSION)
        print_session(status, &reply->session);
    else if (reply->type == INIT_REPLY_SERVICE)
        print_service(status, &reply->service);
}

void print_status_end(struct print_status *status)
{
    if (status->session != NULL)
        print_json(status->session);
    status->session = NULL;
}
