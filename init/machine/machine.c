/* The two state machines of PID 1 as tables, and the exit code they lead to. */
#include "init/machine/machine.h"

#include <signal.h>
#include <sys/wait.h>

#include "lib/base/exit_codes.h"

struct transition {
    uint8_t next; /* 0: not listed. No session goes back to booting, and no service has state 0 */
    uint8_t action;
};

/* clang-format off */
static const struct transition session_table[INIT_SESSION_STATE_COUNT][SESSION_EVENT_COUNT] = {
    [INIT_SESSION_BOOTING] = {
        [SESSION_BOOT_READY]      = {INIT_SESSION_RUNNING,   SESSION_DO_START},
        [SESSION_BOOT_REFUSED]    = {INIT_SESSION_UNWINDING, SESSION_DO_AWAIT_BOOT},
        [SESSION_BOOT_BROKEN]     = {INIT_SESSION_UNWINDING, SESSION_DO_UNWIND},
        [SESSION_BOOT_ENDED]      = {INIT_SESSION_SWEEPING,  SESSION_DO_SWEEP},
        [SESSION_STOP]            = {INIT_SESSION_UNWINDING, SESSION_DO_UNWIND},
    },
    [INIT_SESSION_UNWINDING] = {
        [SESSION_BOOT_READY]      = {INIT_SESSION_UNWINDING, SESSION_DO_NOTHING},
        [SESSION_BOOT_REFUSED]    = {INIT_SESSION_UNWINDING, SESSION_DO_NOTHING},
        [SESSION_BOOT_BROKEN]     = {INIT_SESSION_UNWINDING, SESSION_DO_NOTHING},
        [SESSION_BOOT_ENDED]      = {INIT_SESSION_SWEEPING,  SESSION_DO_SWEEP},
        [SESSION_STOP]            = {INIT_SESSION_UNWINDING, SESSION_DO_NOTHING},
        [SESSION_STOP_AGAIN]      = {INIT_SESSION_KILLING,   SESSION_DO_KILL},
        [SESSION_DEADLINE]        = {INIT_SESSION_KILLING,   SESSION_DO_KILL},
    },
    [INIT_SESSION_RUNNING] = {
        [SESSION_BOOT_ENDED]      = {INIT_SESSION_RUNNING,   SESSION_DO_NOTHING},
        [SESSION_MAIN_ENDED]      = {INIT_SESSION_STOPPING,  SESSION_DO_STOP},
        [SESSION_SERVICE_LIMIT]   = {INIT_SESSION_STOPPING,  SESSION_DO_STOP},
        [SESSION_STOP]            = {INIT_SESSION_STOPPING,  SESSION_DO_STOP},
    },
    [INIT_SESSION_STOPPING] = {
        [SESSION_BOOT_ENDED]      = {INIT_SESSION_STOPPING,  SESSION_DO_NOTHING},
        [SESSION_MAIN_ENDED]      = {INIT_SESSION_STOPPING,  SESSION_DO_NOTHING},
        [SESSION_SERVICES_ENDED]  = {INIT_SESSION_SWEEPING,  SESSION_DO_SWEEP},
        [SESSION_STOP]            = {INIT_SESSION_STOPPING,  SESSION_DO_NOTHING},
        [SESSION_STOP_AGAIN]      = {INIT_SESSION_KILLING,   SESSION_DO_KILL},
        [SESSION_DEADLINE]        = {INIT_SESSION_SWEEPING,  SESSION_DO_SWEEP},
    },
    [INIT_SESSION_SWEEPING] = {
        [SESSION_BOOT_ENDED]      = {INIT_SESSION_SWEEPING,  SESSION_DO_NOTHING},
        [SESSION_MAIN_ENDED]      = {INIT_SESSION_SWEEPING,  SESSION_DO_NOTHING},
        [SESSION_STOP]            = {INIT_SESSION_SWEEPING,  SESSION_DO_NOTHING},
        [SESSION_STOP_AGAIN]      = {INIT_SESSION_KILLING,   SESSION_DO_KILL},
        [SESSION_EMPTY]           = {INIT_SESSION_SHUTDOWN,  SESSION_DO_SHUTDOWN},
        [SESSION_DEADLINE]        = {INIT_SESSION_KILLING,   SESSION_DO_KILL},
    },
    [INIT_SESSION_KILLING] = {
        [SESSION_BOOT_ENDED]      = {INIT_SESSION_KILLING,   SESSION_DO_NOTHING},
        [SESSION_MAIN_ENDED]      = {INIT_SESSION_KILLING,   SESSION_DO_NOTHING},
        [SESSION_STOP]            = {INIT_SESSION_KILLING,   SESSION_DO_NOTHING},
        [SESSION_STOP_AGAIN]      = {INIT_SESSION_KILLING,   SESSION_DO_NOTHING},
        [SESSION_STOP_FORCE]      = {INIT_SESSION_WIPING,    SESSION_DO_WIPE},
        [SESSION_EMPTY]           = {INIT_SESSION_SHUTDOWN,  SESSION_DO_SHUTDOWN},
        [SESSION_DEADLINE]        = {INIT_SESSION_SHUTDOWN,  SESSION_DO_SHUTDOWN},
    },
    [INIT_SESSION_SHUTDOWN] = {
        [SESSION_BOOT_ENDED]      = {INIT_SESSION_SHUTDOWN,  SESSION_DO_NOTHING},
        [SESSION_MAIN_ENDED]      = {INIT_SESSION_SHUTDOWN,  SESSION_DO_NOTHING},
        [SESSION_STOP]            = {INIT_SESSION_SHUTDOWN,  SESSION_DO_NOTHING},
        [SESSION_STOP_AGAIN]      = {INIT_SESSION_SHUTDOWN,  SESSION_DO_NOTHING},
        [SESSION_STOP_FORCE]      = {INIT_SESSION_WIPING,    SESSION_DO_WIPE},
        [SESSION_DEADLINE]        = {INIT_SESSION_WIPING,    SESSION_DO_WIPE},
        [SESSION_SHUTDOWN_ENDED]  = {INIT_SESSION_DONE,      SESSION_DO_NOTHING},
        [SESSION_SHUTDOWN_FAILED] = {INIT_SESSION_WIPING,    SESSION_DO_WIPE},
    },
    [INIT_SESSION_WIPING] = {
        [SESSION_BOOT_ENDED]      = {INIT_SESSION_WIPING,    SESSION_DO_NOTHING},
        [SESSION_MAIN_ENDED]      = {INIT_SESSION_WIPING,    SESSION_DO_NOTHING},
        [SESSION_STOP]            = {INIT_SESSION_WIPING,    SESSION_DO_NOTHING},
        [SESSION_STOP_AGAIN]      = {INIT_SESSION_WIPING,    SESSION_DO_NOTHING},
        [SESSION_STOP_FORCE]      = {INIT_SESSION_WIPING,    SESSION_DO_NOTHING},
        [SESSION_SHUTDOWN_ENDED]  = {INIT_SESSION_WIPING,    SESSION_DO_NOTHING},
        [SESSION_SHUTDOWN_FAILED] = {INIT_SESSION_WIPING,    SESSION_DO_NOTHING},
        [SESSION_WIPE_ENDED]      = {INIT_SESSION_DONE,      SESSION_DO_NOTHING},
        [SESSION_DEADLINE]        = {INIT_SESSION_DONE,      SESSION_DO_NOTHING},
    },
};

static const struct transition service_table[INIT_STATE_FAILED + 1][SERVICE_EVENT_COUNT] = {
    [INIT_STATE_WAITING] = {
        [SERVICE_START]   = {INIT_STATE_STARTING, SERVICE_DO_SPAWN},
        [SERVICE_STOP]    = {INIT_STATE_EXITED,   SERVICE_DO_NOTHING},
        [SERVICE_RESTART] = {INIT_STATE_WAITING,  SERVICE_DO_NOTHING},
        [SERVICE_FAIL]    = {INIT_STATE_FAILED,   SERVICE_DO_GIVE_UP},
    },
    [INIT_STATE_STARTING] = {
        [SERVICE_READY]   = {INIT_STATE_READY,    SERVICE_DO_ANNOUNCE},
        [SERVICE_TIMER]   = {INIT_STATE_STOPPING, SERVICE_DO_TERM},
        [SERVICE_STOP]    = {INIT_STATE_STOPPING, SERVICE_DO_TERM},
        [SERVICE_RESTART] = {INIT_STATE_STOPPING, SERVICE_DO_TERM},
        [SERVICE_END]     = {INIT_STATE_EXITED,   SERVICE_DO_NOTHING},
        [SERVICE_RETRY]   = {INIT_STATE_BACKOFF,  SERVICE_DO_DELAY},
        [SERVICE_FAIL]    = {INIT_STATE_FAILED,   SERVICE_DO_GIVE_UP},
    },
    [INIT_STATE_READY] = {
        [SERVICE_TIMER]   = {INIT_STATE_STOPPING, SERVICE_DO_TERM},
        [SERVICE_STOP]    = {INIT_STATE_STOPPING, SERVICE_DO_TERM},
        [SERVICE_RESTART] = {INIT_STATE_STOPPING, SERVICE_DO_TERM},
        [SERVICE_END]     = {INIT_STATE_EXITED,   SERVICE_DO_NOTHING},
        [SERVICE_RETRY]   = {INIT_STATE_BACKOFF,  SERVICE_DO_DELAY},
        [SERVICE_FAIL]    = {INIT_STATE_FAILED,   SERVICE_DO_GIVE_UP},
    },
    [INIT_STATE_BACKOFF] = {
        [SERVICE_TIMER]   = {INIT_STATE_WAITING,  SERVICE_DO_NOTHING},
        [SERVICE_STOP]    = {INIT_STATE_EXITED,   SERVICE_DO_NOTHING},
        [SERVICE_RESTART] = {INIT_STATE_WAITING,  SERVICE_DO_NOTHING},
    },
    [INIT_STATE_STOPPING] = {
        [SERVICE_TIMER]   = {INIT_STATE_STOPPING, SERVICE_DO_KILL},
        [SERVICE_STOP]    = {INIT_STATE_STOPPING, SERVICE_DO_NOTHING},
        [SERVICE_RESTART] = {INIT_STATE_STOPPING, SERVICE_DO_NOTHING},
        [SERVICE_END]     = {INIT_STATE_EXITED,   SERVICE_DO_NOTHING},
        [SERVICE_RETRY]   = {INIT_STATE_BACKOFF,  SERVICE_DO_DELAY},
        [SERVICE_FAIL]    = {INIT_STATE_FAILED,   SERVICE_DO_GIVE_UP},
    },
    [INIT_STATE_EXITED] = {
        [SERVICE_STOP]    = {INIT_STATE_EXITED,   SERVICE_DO_NOTHING},
        [SERVICE_RESTART] = {INIT_STATE_WAITING,  SERVICE_DO_NOTHING},
    },
    [INIT_STATE_FAILED] = {
        [SERVICE_STOP]    = {INIT_STATE_FAILED,   SERVICE_DO_NOTHING},
        [SERVICE_RESTART] = {INIT_STATE_WAITING,  SERVICE_DO_NOTHING},
    },
};
/* clang-format on */

bool session_step(enum init_session_state *state, enum session_event event,
                  enum session_action *action)
{
    struct transition transition = session_table[*state][event];
    if (transition.next == 0)
        return false;
    *state = transition.next;
    *action = transition.action;
    return true;
}

bool service_step(enum init_service_state *state, enum service_event event,
                  enum service_action *action)
{
    struct transition transition = service_table[*state][event];
    if (transition.next == 0)
        return false;
    *state = transition.next;
    *action = transition.action;
    return true;
}

int session_exit_code(const struct session_outcome *outcome)
{
    if (outcome->is_limit_reached)
        return EXIT_SERVICE_LIMIT;
    if (outcome->has_main_ended)
        return WIFSIGNALED(outcome->main_status) ? 128 + WTERMSIG(outcome->main_status)
                                                 : WEXITSTATUS(outcome->main_status);
    /* Boot is told to stop with TERM, whatever the session was stopped with. */
    bool is_stopped = outcome->refused_code == 128 + SIGTERM && outcome->stop_signal != 0;
    if (outcome->is_refused && !is_stopped)
        return outcome->refused_code;
    return outcome->stop_signal != 0 ? 128 + outcome->stop_signal : EXIT_BOOT_INTERNAL;
}
