/* Finds the one sentence that tells why a session ended. */
#include "host-shim/keeper/cause.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"

/* 128 + SIGKILL: what the engine reports for a killed PID 1. */
#define KILLED 137

/* Writes its sentence and answers true when it is the cause. */
typedef bool cause_rule(const struct ending *ending, char text[CAUSE_SIZE]);

static bool was_abandoned(const struct ending *ending, char text[CAUSE_SIZE])
{
    if (ending->abandoned[0] == '\0')
        return false;
    snprintf(text, CAUSE_SIZE, "nothing was started: %s", ending->abandoned);
    return true;
}

static bool never_appeared(const struct ending *ending, char text[CAUSE_SIZE])
{
    snprintf(text, CAUSE_SIZE, "the container was never created");
    return ending->container == ENDING_CONTAINER_NEVER_SEEN;
}

static bool was_refused_by_boot(const struct ending *ending, char text[CAUSE_SIZE])
{
    snprintf(text, CAUSE_SIZE, "boot was refused at step '%s': %s", ending->refused_step,
             ending->refused_message);
    return ending->refused_step[0] != '\0';
}

static bool was_refused_by_engine(const struct ending *ending, char text[CAUSE_SIZE])
{
    snprintf(text, CAUSE_SIZE, "the engine could not start the container: %s",
             ending->engine_error);
    return ending->engine_error[0] != '\0';
}

/* The engine sets the flag for any process of the container: the session only died of it when PID 1
 * did. */
static bool ran_out_of_memory(const struct ending *ending, char text[CAUSE_SIZE])
{
    snprintf(text, CAUSE_SIZE, "the container ran out of memory");
    return ending->was_oom_killed && (ending->exit_code == KILLED || !ending->shutdown_was_done);
}

static bool lost_a_service(const struct ending *ending, char text[CAUSE_SIZE])
{
    snprintf(text, CAUSE_SIZE, "the service '%s' failed more often than its limit",
             ending->failed_service);
    return ending->exit_code == EXIT_SERVICE_LIMIT && ending->failed_service[0] != '\0';
}

static bool engine_stopped(const struct ending *ending, char text[CAUSE_SIZE])
{
    snprintf(text, CAUSE_SIZE, "the engine was stopped");
    return ending->engine_was_away && !ending->shutdown_was_done;
}

static bool was_removed(const struct ending *ending, char text[CAUSE_SIZE])
{
    snprintf(text, CAUSE_SIZE, "the container was removed while it ran");
    return ending->container == ENDING_CONTAINER_REMOVED && !ending->shutdown_was_done;
}

static bool was_killed(const struct ending *ending, char text[CAUSE_SIZE])
{
    snprintf(text, CAUSE_SIZE, "the container was killed before its shutdown was done");
    return !ending->shutdown_was_done && (ending->init_spoke || ending->exit_code == KILLED);
}

static bool was_stopped(const struct ending *ending, char text[CAUSE_SIZE])
{
    const char *name = sigabbrev_np(ending->stop_signal);
    snprintf(text, CAUSE_SIZE, "the session was stopped with SIG%s", name != NULL ? name : "?");
    return ending->stop_signal != 0;
}

/* The codes of other ends than the agent's own. */
static bool is_ours(int code)
{
    return code >= EXIT_USAGE && code <= EXIT_BOOT_SECRETS;
}

static bool agent_failed(const struct ending *ending, char text[CAUSE_SIZE])
{
    const char *name = sigabbrev_np(ending->agent_signal);
    if (ending->agent_signal != 0)
        snprintf(text, CAUSE_SIZE, "the agent was ended by SIG%s: %s", name != NULL ? name : "?",
                 ending->advice);
    else
        snprintf(text, CAUSE_SIZE, "the agent ended with exit code %d: %s", ending->exit_code,
                 ending->advice);
    return ending->advice[0] != '\0' && ending->exit_code > 0 && !is_ours(ending->exit_code);
}

/* The first that holds: what happened earliest and explains the rest. */
static cause_rule *const rules[] = {
    was_abandoned,     never_appeared, was_refused_by_boot, was_refused_by_engine,
    ran_out_of_memory, lost_a_service, engine_stopped,      was_removed,
    was_killed,        was_stopped,    agent_failed,
};

void cause_describe(const struct ending *ending, char text[CAUSE_SIZE])
{
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++)
        if (rules[i](ending, text))
            return;
    text[0] = '\0';
}
