/* Ends a session: the last frames, the end in log and state, the network, the files; then the
 * keeper itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/host/engine.h"
#include "lib/wire/record.h"
#include "lib/wire/session.h"

/* Frames of a container that ended are in the socket already; descriptors close within moments. */
#define DRAIN_STEP_MS 50
#define DRAIN_MS 2000
/* What the session left behind is merged by then, or stays for the next one of its agent. */
#define MERGE_MS 60000
/* The network can only go once the engine has taken the container off it. */
#define NETWORK_ATTEMPTS 10
#define NETWORK_RETRY_MS 500
#define NETWORK_TIMEOUT_MS 20000
#define CLEANING_MS 40000

static uint64_t in_ms(uint64_t milliseconds)
{
    return clock_monotonic_ns() + milliseconds * CLOCK_NANOSECONDS_PER_MILLISECOND;
}

/* Replaces TEXT, which the state owns; without memory the old one stays. */
static void replace(char **text, const char *value)
{
    char *copy = strdup(value);
    if (copy == NULL)
        return;
    free(*text);
    *text = copy;
}

static void note_end(struct session_state *state, void *context)
{
    const struct keeper *keeper = context;
    char cause[CAUSE_SIZE];
    char now[CLOCK_TIMESTAMP_SIZE];
    cause_describe(&keeper->ending, cause);
    clock_format(clock_realtime_ns(), now);
    if (state->phase != SESSION_COLLECTED)
        state->phase = SESSION_ENDED;
    state->exit_code = keeper->ending.exit_code;
    replace(&state->cause, cause);
    replace(&state->ended_at, now);
}

static void record_end(struct keeper *keeper)
{
    struct error err = ERROR_INITIALIZER;
    char cause[CAUSE_SIZE];
    log_totals(keeper);
    cause_describe(&keeper->ending, cause);
    json_t *fields = json_pack("{s:i}", "exit_code", keeper->ending.exit_code);
    if (fields != NULL && record_set_text(fields, "cause", cause) == 0)
        log_own(keeper, AUDIT_SESSION_END, fields);
    if (session_state_update(keeper->session, note_end, keeper, &err) < 0)
        log_note("update the state: %s", error_text(&err));
}

static void finish(struct keeper *keeper)
{
    struct error err = ERROR_INITIALIZER;
    event_loop_clear_timer(&keeper->loop, KEEPER_TIMER_HELPER);
    helper_stop(&keeper->helper);
    helper_stop(&keeper->freezer);
    git_end(keeper);
    secrets_end(keeper);
    signing_end(keeper);
    sidecar_end(keeper);
    peers_close_all(keeper);
    data_end(keeper);
    log_totals(keeper);
    closing_sign(keeper);
    if (path_remove_tree(AT_FDCWD, keeper->runtime_directory, &err) < 0)
        log_note("remove the runtime directory: %s", error_text(&err));
    control_say(keeper, "ENDED %d\n", keeper->ending.exit_code);
    keeper->phase = KEEPER_DONE;
}

static void on_network_timeout(void *context)
{
    log_note("the network was not removed in time; 'coding-agents remove' does it");
    finish(context);
}

static void on_network(struct keeper *keeper, const struct helper_report *report)
{
    if (report != NULL && report->error[0] != '\0')
        log_note("%s; 'coding-agents remove' removes the network", report->error);
    if (report == NULL)
        finish(keeper);
}

/* In the words of docker's clients before and since version 25. */
static bool is_absence(const char *text)
{
    return strcasestr(text, "no such network") != NULL || strcasestr(text, "not found") != NULL;
}

static void remove_network(const char *name, int fd)
{
    const char *const arguments[] = {"network", "rm", name, NULL};
    const struct timespec retry = {.tv_nsec = (long)NETWORK_RETRY_MS * 1000000};
    struct error err = ERROR_INITIALIZER;
    int result = -EIO;
    /* Without a docker command there is nothing to wait for. */
    for (int attempt = 0; attempt < NETWORK_ATTEMPTS && result < 0 && result != -EINVAL;
         attempt++) {
        struct process_result output = {.output = NULL};
        if (attempt > 0)
            nanosleep(&retry, NULL);
        result = engine_run(arguments, NETWORK_TIMEOUT_MS, &output, &err);
        /* A session with --network none has none, and remove may have been faster. */
        if (result < 0 && is_absence(error_text(&err)))
            result = 0;
        process_result_free(&output);
    }
    struct helper_report report = {.kind = HELPER_NETWORK_REMOVED};
    if (result < 0)
        snprintf(report.error, sizeof(report.error), "%.250s", error_text(&err));
    helper_say(fd, &report);
}

static void end_session(struct keeper *keeper)
{
    data_settle(keeper);
    record_end(keeper);
    helper_stop(&keeper->helper);
    keeper->phase = KEEPER_CLEANING;
    int result = helper_start(keeper, &keeper->helper, remove_network, on_network);
    if (result < 0) {
        log_note("start the helper: %s", strerror(-result));
        finish(keeper);
        return;
    }
    event_loop_set_timer(&keeper->loop, KEEPER_TIMER_HELPER, in_ms(CLEANING_MS), on_network_timeout,
                         keeper);
}

static void on_drain(void *context)
{
    struct keeper *keeper = context;
    uint64_t now = clock_monotonic_ns();
    uint64_t merged_by = keeper->drain_until_ns + MERGE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    if ((peers_has_container(keeper) && now < keeper->drain_until_ns) ||
        (data_is_busy(keeper) && now < merged_by))
        event_loop_set_timer(&keeper->loop, KEEPER_TIMER_DRAIN, in_ms(DRAIN_STEP_MS), on_drain,
                             keeper);
    else
        end_session(keeper);
}

void ending_begin(struct keeper *keeper)
{
    if (keeper->phase > KEEPER_WATCHING)
        return;
    keeper->phase = KEEPER_DRAINING;
    keeper->drain_until_ns = in_ms(DRAIN_MS);
    event_loop_clear_timer(&keeper->loop, KEEPER_TIMER_ABSENCE);
    event_loop_set_timer(&keeper->loop, KEEPER_TIMER_DRAIN, in_ms(DRAIN_STEP_MS), on_drain, keeper);
}

void ending_abandon(struct keeper *keeper, const char *reason)
{
    if (keeper->phase > KEEPER_WATCHING)
        return;
    keeper->ending.container = ENDING_CONTAINER_NEVER_SEEN;
    snprintf(keeper->ending.abandoned, sizeof(keeper->ending.abandoned), "%s", reason);
    ending_begin(keeper);
}
