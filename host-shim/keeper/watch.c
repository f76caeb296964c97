/* Waits for the session's container, through restarts of the engine, in a helper. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/clock.h"
#include "lib/host/engine.h"

/* While the container is being made; then while the engine is away, doubling. */
#define POLL_MS 100
#define AWAY_MAX_MS 30000
#define RESTART_HELPER_MS 1000
/* The engine hears of an end and of the memory that ran out on two ways; the second may be later.
 */
#define MEMORY_NOTICE_MS 500

struct watch {
    const char *name;
    int fd;
    bool was_seen;
    bool engine_was_away;
    bool has_asked_again;
    int waited_code; /* what `docker wait` printed; -1 before */
    uint32_t away_ms;
};

static void pause_ms(uint32_t milliseconds)
{
    const struct timespec time = {.tv_sec = milliseconds / 1000,
                                  .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static void say(const struct watch *watch, enum helper_kind kind, const json_t *state)
{
    const json_t *code = json_object_get(state, "ExitCode");
    const char *error = json_string_value(json_object_get(state, "Error"));
    struct helper_report report = {
        .kind = kind,
        .exit_code = state != NULL ? (int)json_integer_value(code) : watch->waited_code,
        .was_oom_killed = json_is_true(json_object_get(state, "OOMKilled")),
        .engine_was_away = watch->engine_was_away,
    };
    snprintf(report.error, sizeof(report.error), "%s", error != NULL ? error : "");
    helper_say(watch->fd, &report);
}

/*
 * True for a container that will not run again. One that was only made is not there yet, unless the
 * engine noted why it could not start it.
 */
static bool has_ended(const json_t *state)
{
    const char *status = json_string_value(json_object_get(state, "Status"));
    const char *error = json_string_value(json_object_get(state, "Error"));
    if (status == NULL)
        return false;
    if (strcmp(status, "created") == 0)
        return error != NULL && error[0] != '\0';
    return strcmp(status, "exited") == 0 || strcmp(status, "dead") == 0;
}

/* Killed, and the engine does not say that memory was the cause: worth a second question. */
static bool may_be_out_of_memory(const json_t *state)
{
    return json_integer_value(json_object_get(state, "ExitCode")) == 128 + SIGKILL &&
           !json_is_true(json_object_get(state, "OOMKilled"));
}

static bool is_running(const json_t *state)
{
    return json_is_true(json_object_get(state, "Running"));
}

/* Blocks until the container ends or the engine does. */
static void wait_for_end(struct watch *watch)
{
    const char *const arguments[] = {"wait", watch->name, NULL};
    struct process_result result = {.output = NULL};
    if (engine_run(arguments, 0, &result, NULL) == 0)
        watch->waited_code = (int)strtol(result.output, NULL, 10);
    process_result_free(&result);
}

/* Looks once. True when all is said. */
static bool look(struct watch *watch)
{
    json_t *object = NULL;
    struct error err = ERROR_INITIALIZER;
    int result = engine_inspect("container", watch->name, &object, &err);
    if (result == -ENOENT && watch->was_seen) {
        say(watch, watch->waited_code >= 0 ? HELPER_CONTAINER_ENDED : HELPER_CONTAINER_REMOVED,
            NULL);
        return true;
    }
    if (result < 0) {
        bool is_away = result != -ENOENT;
        watch->engine_was_away |= is_away;
        pause_ms(is_away ? watch->away_ms : POLL_MS);
        if (is_away && watch->away_ms < AWAY_MAX_MS)
            watch->away_ms *= 2;
        return false;
    }
    watch->away_ms = POLL_MS;
    const json_t *state = json_object_get(object, "State");
    bool is_over = has_ended(state);
    bool should_wait = is_running(state);
    if (!watch->was_seen)
        say(watch, HELPER_CONTAINER_SEEN, NULL);
    watch->was_seen = true;
    if (is_over && !watch->has_asked_again && may_be_out_of_memory(state)) {
        watch->has_asked_again = true;
        is_over = false;
        pause_ms(MEMORY_NOTICE_MS);
    }
    if (is_over)
        say(watch, HELPER_CONTAINER_ENDED, state);
    json_decref(object);
    if (should_wait)
        wait_for_end(watch);
    else if (!is_over)
        pause_ms(POLL_MS);
    return is_over;
}

static void watch_container(const char *name, int fd)
{
    struct watch watch = {.name = name, .fd = fd, .waited_code = -1, .away_ms = POLL_MS};
    while (!look(&watch))
        ;
}

static void on_restart(void *context)
{
    watch_start(context);
}

static void on_report(struct keeper *keeper, const struct helper_report *report)
{
    struct ending *ending = &keeper->ending;
    if (report == NULL) {
        /* The helper was killed: the container may still run, so another one looks. */
        if (keeper->phase == KEEPER_WATCHING)
            event_loop_set_timer(&keeper->loop, KEEPER_TIMER_HELPER,
                                 clock_monotonic_ns() +
                                     RESTART_HELPER_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                                 on_restart, keeper);
        return;
    }
    ending->was_seen = true;
    event_loop_clear_timer(&keeper->loop, KEEPER_TIMER_ABSENCE);
    if (report->kind == HELPER_CONTAINER_SEEN)
        return;
    ending->container = report->kind == HELPER_CONTAINER_REMOVED ? ENDING_CONTAINER_REMOVED
                                                                 : ENDING_CONTAINER_ENDED;
    ending->exit_code = report->exit_code;
    ending->was_oom_killed = report->was_oom_killed;
    ending->engine_was_away = report->engine_was_away;
    snprintf(ending->engine_error, sizeof(ending->engine_error), "%s", report->error);
    ending_begin(keeper);
}

void watch_start(struct keeper *keeper)
{
    if (keeper->phase == KEEPER_WAITING)
        keeper->phase = KEEPER_WATCHING;
    if (keeper->phase != KEEPER_WATCHING || keeper->helper.pid != 0)
        return;
    int result = helper_start(keeper, &keeper->helper, watch_container, on_report);
    if (result < 0) {
        log_note("start the helper: %s", strerror(-result));
        on_report(keeper, NULL);
    }
}
