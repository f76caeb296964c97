/*
 * The keeper's end of the broker, the process that holds the session's secrets: starts it, records
 * what it says, and ends it before the log is closed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"
#include "lib/host/engine.h"
#include "lib/host/login.h"
#include "lib/wire/redeem.h"
#include "lib/wire/session.h"

/* It may ask a person to unlock what it reads; and the image, once. */
#define READY_MS 120000
#define STOP_MS (2 * 60 * 60 * 1000)
#define FREEZE_MS 20000

static const enum audit_event brokers_events[] = {
    AUDIT_CAPABILITIES_ISSUED, AUDIT_CAPABILITY_REDEEMED, AUDIT_CAPABILITY_REFUSED,
    AUDIT_CAPABILITY_RELEASED, AUDIT_CAPABILITY_REVOKED,  AUDIT_SECRET_REFUSED,
    AUDIT_SECRET_RENEWED,      AUDIT_LIMIT_HIT,
};

static void stop_session(const char *container)
{
    const char *const arguments[] = {"stop", container, NULL};
    engine_run_quietly(arguments, STOP_MS);
}

/* Once, by a child: the engine takes its time, and the loop goes on. Reaped by the keeper's own
 * end. */
static void ask_stop(struct keeper *keeper)
{
    keeper->has_asked_stop = true;
    pid_t pid = fork();
    if (pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sys_close_range(3, UINT_MAX, 0);
    stop_session(keeper->container);
    _exit(0);
}

/* PID 1 counts: a second request ends the agent's time, a third the saving of its work. */
static bool is_ending(const struct keeper *keeper)
{
    return keeper->phase > KEEPER_WATCHING || keeper->has_asked_stop ||
           keeper->ending.stop_signal != 0;
}

static void take_login_away(struct keeper *keeper, const char *cause)
{
    /* What a holder that ended has left there, nobody in the session takes away. */
    bool continues = keeper->secrets.continues && !keeper->has_released;
    if (is_ending(keeper))
        return;
    log_note("%s, so the session %s", cause,
             continues ? "goes on without its login" : "is stopped");
    if (continues)
        return;
    ask_stop(keeper);
}

static void freeze_session(const char *container, int fd)
{
    const char *const arguments[] = {"pause", container, NULL};
    struct helper_report report = {.kind = HELPER_CONTAINER_PAUSED};
    struct error err = ERROR_INITIALIZER;
    struct process_result result = {.output = NULL};
    if (engine_run(arguments, FREEZE_MS, &result, &err) < 0)
        snprintf(report.error, sizeof(report.error), "%.250s", error_text(&err));
    process_result_free(&result);
    helper_say(fd, &report);
}

/* Who has a terminal at the session, where nothing moves any more. */
static void tell_frozen(struct keeper *keeper)
{
    char text[KEEPER_NOTICE_SIZE];
    snprintf(text, sizeof(text),
             "frozen: docker unpause %s lets it go on, coding-agents kill %s ends it; a login was "
             "to be redeemed a second time",
             keeper->container, keeper->session);
    approvals_notice(keeper, text);
}

static void on_frozen(struct keeper *keeper, const struct helper_report *report)
{
    const char *trouble = report == NULL ? "who was to pause it has ended" : report->error;
    if (!keeper->is_freezing)
        return;
    keeper->is_freezing = false;
    if (trouble[0] == '\0') {
        log_note("a login was to be redeemed a second time, so the session is frozen: "
                 "'docker unpause %s' lets it go on, 'coding-agents kill %s' ends it",
                 keeper->container, keeper->session);
        log_own(keeper, AUDIT_SESSION_FROZEN,
                json_pack("{s:s, s:s}", "cause", "a second redemption of a login", "container",
                          keeper->container));
        tell_frozen(keeper);
    } else if (!is_ending(keeper)) {
        log_note("a login was to be redeemed a second time, and the session cannot be frozen (%s), "
                 "so the session is stopped",
                 trouble);
        ask_stop(keeper);
    }
}

/* Somebody has all that the holder had, and comes second: the user may look before it goes on. */
static void take_second_redeem(struct keeper *keeper)
{
    if (!keeper->secrets.freezes || keeper->has_frozen || is_ending(keeper))
        return;
    keeper->has_frozen = keeper->is_freezing = true;
    if (helper_start(keeper, &keeper->freezer, freeze_session, on_frozen) < 0)
        on_frozen(keeper, NULL);
}

static void heed(struct keeper *keeper, enum audit_event event, const json_t *fields)
{
    const char *reason = json_string_value(json_object_get(fields, "reason"));
    const char *secret = json_string_value(json_object_get(fields, "secret"));
    /* A secret with a name of its own is a server's, which ends without it; the session does not.
     */
    bool is_login = secret != NULL && login_is_known(secret);
    keeper->has_released = keeper->has_released || (event == AUDIT_CAPABILITY_RELEASED && is_login);
    if (event == AUDIT_CAPABILITY_REVOKED && is_login)
        take_login_away(keeper, "the login was revoked");
    if (event == AUDIT_CAPABILITY_REFUSED && reason != NULL &&
        strcmp(reason, redeem_reason_name(REDEEM_REASON_SPENT)) == 0)
        take_second_redeem(keeper);
}

static void lose_by(struct keeper *keeper, const char *cause, const char *note)
{
    bool continues = keeper->secrets.continues;
    if (keeper->has_lost_broker)
        return;
    keeper->has_lost_broker = true;
    log_own(
        keeper, AUDIT_BROKER_LOST,
        json_pack("{s:s, s:s}", "cause", cause, "consequence", continues ? "continue" : "stop"));
    take_login_away(keeper, note);
}

void secrets_lose_sidecar(struct keeper *keeper)
{
    lose_by(keeper, "the broker's sidecar ended before the session",
            "the sidecar of the session is gone");
}

/* A broker whose sidecar has ended ends by itself, and may be heard first. */
static void lose(struct keeper *keeper)
{
    if (keeper->has_sidecar && attendant_has_ended(&keeper->sidecar))
        secrets_lose_sidecar(keeper);
    else
        lose_by(keeper, "the broker ended before the session", "the broker of the session is gone");
}

static const struct attendant_kind broker_kind = {
    .name = "broker",
    .program = "coding-agents-broker",
    .ready_ms = READY_MS,
    .relays = ATTENDANT_RELAYS_NEAR,
    .service = RELAY_BROKER,
    .events = brokers_events,
    .event_count = ARRAY_LENGTH(brokers_events),
    .heed = heed,
    .lose = lose,
};

static int start_for(struct keeper *keeper, const struct session_state *state, struct error *err)
{
    const char *const arguments[] = {"--agent", state->agent, "--image", state->image, NULL};
    struct login_config config;
    int result = login_config_load(&config, err);
    if (result < 0)
        return result;
    keeper->secrets.continues = login_config_continues(&config);
    keeper->secrets.freezes = login_config_freezes(&config);
    login_config_free(&config);
    result = attendant_start(keeper, &keeper->secrets.broker, &broker_kind, arguments, err);
    return result == -ENOENT ? 0 : result;
}

int secrets_start(struct keeper *keeper, struct error *err)
{
    struct session_state *state = NULL;
    int result = session_state_load(keeper->session, &state, err);
    if (result < 0)
        return result;
    if (login_is_known(state->agent))
        result = start_for(keeper, state, err);
    session_state_free(state);
    login_wipe_environment();
    return result;
}

void secrets_end(struct keeper *keeper)
{
    attendant_end(&keeper->secrets.broker);
}
