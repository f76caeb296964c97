/* Notices an agent's program that is started again and again, and says so while the session runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/clock.h"
#include "lib/wire/session_state.h"

/* The rule by which a vendor's program is started has the agent's name before this: policies/exec.
 */
#define START_RULE "-start"

static bool is_start(const json_t *fields)
{
    const char *verdict = json_string_value(json_object_get(fields, "verdict"));
    const char *rule = json_string_value(json_object_get(fields, "rule"));
    size_t length = rule == NULL ? 0 : strlen(rule);
    return verdict != NULL && strcmp(verdict, "direct") == 0 && length >= sizeof(START_RULE) &&
           strcmp(rule + length - (sizeof(START_RULE) - 1), START_RULE) == 0;
}

static void note(struct session_state *state, void *context)
{
    char *copy = strdup(context);
    if (copy == NULL)
        return;
    free(state->cause);
    state->cause = copy;
}

/* Its end replaces the sentence by the cause of the end. */
static void tell(struct keeper *keeper)
{
    struct error err = ERROR_INITIALIZER;
    char text[CAUSE_SIZE];
    const char *advice = keeper->ending.advice;
    snprintf(
        text, sizeof(text),
        "the agent ended and was started again, %d times within %d s: coding-agents connect %s "
        "shows what it says%s%s",
        RESTARTS_MAX - 1, RESTARTS_SECONDS, keeper->session, advice[0] == '\0' ? "" : "; ", advice);
    log_own(
        keeper, AUDIT_LIMIT_HIT,
        json_pack("{s:s, s:i, s:s}", "what", "agent", "count", RESTARTS_MAX - 1, "detail", text));
    if (session_state_update(keeper->session, note, text, &err) < 0)
        log_note("update the state: %s", error_text(&err));
}

void restarts_notice(struct keeper *keeper, const json_t *fields)
{
    struct restarts *restarts = &keeper->restarts;
    if (!is_start(fields))
        return;
    uint64_t now = clock_monotonic_ns();
    restarts->started_ns[restarts->count++ % RESTARTS_MAX] = now;
    if (restarts->count < RESTARTS_MAX ||
        now - restarts->started_ns[restarts->count % RESTARTS_MAX] >=
            RESTARTS_SECONDS * CLOCK_NANOSECONDS_PER_SECOND)
        return;
    restarts->count = 0;
    tell(keeper);
}
