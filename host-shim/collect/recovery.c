/* Makes up for a shutdown that did not happen, in a one-shot container on the session's volume. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/collect/collection.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "lib/host/engine.h"
#include "lib/host/one_shot.h"
#include "lib/host/printable.h"
#include "lib/host/session_log.h"

#define RECOVERY_S 600
/* Between two lines of progress where no terminal shows one that changes. */
#define LINES_APART_S 30
#define OUTPUT_BYTES (8u * 1024 * 1024)

/* What the question of process_run has to go by; one recovery runs in a process. */
static struct {
    const char *session;
    uint64_t began_ns;
    uint64_t shown_s; /* the second that was shown last */
    bool is_terminal;
} progress;
static volatile sig_atomic_t caught_signal;

static void note_signal(int number)
{
    caught_signal = number;
}

static void show_progress(void)
{
    uint64_t second = (clock_monotonic_ns() - progress.began_ns) / CLOCK_NANOSECONDS_PER_SECOND;
    uint64_t apart = progress.is_terminal || progress.shown_s == 0 ? 1 : LINES_APART_S;
    if (second < progress.shown_s + apart)
        return;
    progress.shown_s = second;
    fprintf(stderr,
            "%ssaving the work of %s (%" PRIu64 " s, at most %d s; ^C leaves it in the volume)%s",
            progress.is_terminal ? "\r" : "", progress.session, second, RECOVERY_S,
            progress.is_terminal ? "" : "\n");
    fflush(stderr);
}

static bool is_interrupted(void)
{
    show_progress();
    return caught_signal != 0;
}

static int mark_path(const struct session_state *state, char path[PATH_MAX], struct error *err)
{
    char directory[PATH_MAX];
    int result = session_state_directory(state->session, directory, err);
    if (result == 0 && path_format(path, "%s/recovered", directory) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory '%s'", directory);
    return result;
}

/* The mark is of no worth for a run that was started after it was made. */
static bool is_recovered(const struct session_state *state, uint64_t started_ns)
{
    char path[PATH_MAX];
    struct stat info;
    if (mark_path(state, path, NULL) < 0 || stat(path, &info) < 0)
        return false;
    uint64_t made_ns = (uint64_t)info.st_mtim.tv_sec * CLOCK_NANOSECONDS_PER_SECOND +
                       (uint64_t)info.st_mtim.tv_nsec;
    return made_ns >= started_ns;
}

static int mark_recovered(const struct session_state *state, struct error *err)
{
    char path[PATH_MAX];
    int result = mark_path(state, path, err);
    return result < 0 ? result : fd_write_file(AT_FDCWD, path, "", 0, 0600, err);
}

/* Without a keeper in reach boot prints its events: what stayed in the volume is put on record. */
static void record_left(const struct collection *collection, char *text)
{
    static const char prefix[] = "audit: work-left ";
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, prefix, sizeof(prefix) - 1) != 0)
            continue;
        json_t *fields = json_loads(line + sizeof(prefix) - 1, JSON_REJECT_DUPLICATES, NULL);
        if (fields != NULL && audit_event_check(AUDIT_WORK_LEFT, fields, NULL) == 0)
            (void)collection_record_event(collection, AUDIT_WORK_LEFT, fields, NULL);
        json_decref(fields);
    }
}

static int judge(const struct process_result *result, struct error *err)
{
    char reason[ERROR_MESSAGE_SIZE / 2];
    if (process_is_success(result->wait_status))
        return 0;
    engine_reason(result->error_output, reason, sizeof(reason));
    return error_set(err, EIO, "saving ended with code %d: %s",
                     process_exit_code(result->wait_status), reason);
}

/* Runs ARGUMENTS as docker's until it ends, its time is over or a signal comes. */
static int run_client(const struct collection *collection, struct string_list *arguments,
                      struct error *err)
{
    char name[64];
    const struct process_spec spec = {
        .argv = (const char *const *)arguments->items,
        .standard_input = -1,
        .standard_output = -1,
        .standard_error = -1,
        .output_limit = OUTPUT_BYTES,
        .timeout_ms = RECOVERY_S * 1000,
        .is_cancelled = is_interrupted,
    };
    struct process_result result = {.output = NULL};
    one_shot_name(collection->state, "recover", name);
    /* One whose client was killed may still hold the name, and the volume. */
    one_shot_remove(name);
    int status = process_run(&spec, &result, err);
    if (progress.is_terminal && progress.shown_s > 0)
        fputc('\n', stderr);
    /* A signal may have ended the client first. */
    if (status < 0 || caught_signal != 0)
        one_shot_remove(name);
    if (status < 0)
        return status;
    status = judge(&result, err);
    record_left(collection, result.error_output);
    process_result_free(&result);
    return status;
}

static int recover(const struct collection *collection, struct error *err)
{
    struct string_list list;
    int result = one_shot_recovery(collection->state, &list, err);
    if (result < 0)
        return result;
    result = run_client(collection, &list, err);
    string_list_free(&list);
    return result < 0 ? result : mark_recovered(collection->state, err);
}

/* RECOVER with the signals that end programs noted; those that are ignored stay so. */
static int recover_interruptibly(const struct collection *collection, struct error *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before[ARRAY_LENGTH(numbers)];
    const struct sigaction note = {.sa_handler = note_signal};
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        sigaction(numbers[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(numbers[i], &note, NULL);
    }
    int result = recover(collection, err);
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        sigaction(numbers[i], &before[i], NULL);
    return result;
}

int recovery_run(struct collection *collection, uint64_t started_ns, bool is_forced)
{
    const struct session_state *state = collection->state;
    /* With --no-push the volume's repository has nothing either, until somebody asks for it. */
    bool is_in_repository = state->push_enabled && session_log_is_saved(state->session, started_ns);
    if (!is_forced && (is_in_repository || is_recovered(state, started_ns)))
        return 0;
    struct error err = ERROR_INITIALIZER;
    progress.session = state->session;
    progress.began_ns = clock_monotonic_ns();
    progress.is_terminal = isatty(STDERR_FILENO);
    collection->has_recovered = recover_interruptibly(collection, &err) == 0;
    if (collection->has_recovered)
        return 0;
    if (caught_signal != 0)
        return caught_signal;
    cleanup_free char *reason = printable_text(error_text(&err), strlen(error_text(&err)));
    snprintf(collection->recovery_error, sizeof(collection->recovery_error), "%s",
             reason == NULL ? "out of memory" : reason);
    return 0;
}
