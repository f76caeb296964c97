/* What the machine's states and events are called. */
#include "init/machine/machine.h"

#include <stddef.h>

#include "lib/base/cleanup.h"

/* clang-format off */
static const char *const session_states[] = {
    [INIT_SESSION_BOOTING]   = "booting",
    [INIT_SESSION_UNWINDING] = "unwinding",
    [INIT_SESSION_RUNNING]   = "running",
    [INIT_SESSION_STOPPING]  = "stopping",
    [INIT_SESSION_SWEEPING]  = "sweeping",
    [INIT_SESSION_KILLING]   = "killing",
    [INIT_SESSION_SHUTDOWN]  = "shutdown",
    [INIT_SESSION_WIPING]    = "wiping",
    [INIT_SESSION_DONE]      = "done",
};

static const char *const session_events[] = {
    [SESSION_BOOT_READY]      = "boot-ready",
    [SESSION_BOOT_REFUSED]    = "boot-refused",
    [SESSION_BOOT_BROKEN]     = "boot-broken",
    [SESSION_BOOT_ENDED]      = "boot-ended",
    [SESSION_MAIN_ENDED]      = "main-ended",
    [SESSION_SERVICE_LIMIT]   = "service-limit",
    [SESSION_STOP]            = "stop",
    [SESSION_STOP_AGAIN]      = "stop-again",
    [SESSION_STOP_FORCE]      = "stop-force",
    [SESSION_SERVICES_ENDED]  = "services-ended",
    [SESSION_EMPTY]           = "empty",
    [SESSION_DEADLINE]        = "deadline",
    [SESSION_SHUTDOWN_ENDED]  = "shutdown-ended",
    [SESSION_SHUTDOWN_FAILED] = "shutdown-failed",
    [SESSION_WIPE_ENDED]      = "wipe-ended",
};

static const char *const service_states[] = {
    [INIT_STATE_WAITING]  = "waiting",
    [INIT_STATE_STARTING] = "starting",
    [INIT_STATE_READY]    = "ready",
    [INIT_STATE_BACKOFF]  = "backoff",
    [INIT_STATE_STOPPING] = "stopping",
    [INIT_STATE_EXITED]   = "exited",
    [INIT_STATE_FAILED]   = "failed",
};

static const char *const service_events[] = {
    [SERVICE_START]   = "start",
    [SERVICE_READY]   = "ready",
    [SERVICE_TIMER]   = "timer",
    [SERVICE_STOP]    = "stop",
    [SERVICE_RESTART] = "restart",
    [SERVICE_END]     = "end",
    [SERVICE_RETRY]   = "retry",
    [SERVICE_FAIL]    = "fail",
};
/* clang-format on */

static const char *name_in(const char *const *names, size_t count, uint32_t number)
{
    return number < count ? names[number] : NULL;
}

const char *machine_session_state_name(uint32_t state)
{
    return name_in(session_states, ARRAY_LENGTH(session_states), state);
}

const char *machine_session_event_name(uint32_t event)
{
    return name_in(session_events, ARRAY_LENGTH(session_events), event);
}

const char *machine_service_state_name(uint32_t state)
{
    return name_in(service_states, ARRAY_LENGTH(service_states), state);
}

const char *machine_service_event_name(uint32_t event)
{
    return name_in(service_events, ARRAY_LENGTH(service_events), event);
}
