/*
 * coding-agents-collect: brings the commits of a session into the user's repository as a branch,
 * and shows which of its files would run code on the host.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/collect/collection.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "lib/host/engine.h"
#include "lib/host/one_shot.h"
#include "lib/host/printable.h"
#include "lib/host/session_engine.h"
#include "lib/host/session_log.h"
#include "lib/wire/limits.h"

#define PROGRAM "coding-agents-collect"
/* The keeper records an end within milliseconds; this long it is given. */
#define END_RECORDED_MS 10000
/* Memory of git and the docker client: an object that inflates to more is an attack or a mistake.
 */
#define MEMORY_BYTES (4ull * 1024 * 1024 * 1024)

enum option_key { OPTION_JSON = 1000, OPTION_MAX_BYTES, OPTION_AS, OPTION_RECOVER };

/* clang-format off */
static const struct argp_option options[] = {
    {"json",      OPTION_JSON,      NULL,     0, "print one JSON document", 0},
    {"max-bytes", OPTION_MAX_BYTES, "NUMBER", 0, "most bytes the session may send", 0},
    {"as",        OPTION_AS,        "BRANCH", 0, "fetch into this branch of the repository", 0},
    {"recover",   OPTION_RECOVER,   NULL,     0, "commit what an ended session left uncommitted first", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};
/* clang-format on */

static bool parse_bytes(const char *text, uint64_t *bytes)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0)
        return false;
    *bytes = value;
    return true;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct collection_options *chosen = state->input;
    switch (key) {
    case OPTION_JSON:
        chosen->is_json = true;
        return 0;
    case OPTION_MAX_BYTES:
        if (!parse_bytes(argument, &chosen->limit))
            argp_failure(state, EXIT_USAGE, 0, "--max-bytes wants a positive number, not '%s'",
                         argument);
        return 0;
    case OPTION_AS:
        if (!manifest_is_branch(argument))
            argp_failure(state, EXIT_USAGE, 0,
                         "--as wants the name of a branch, not '%s'; see git-check-ref-format(1)",
                         argument);
        chosen->as = argument;
        return 0;
    case OPTION_RECOVER:
        chosen->is_recovery_forced = true;
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->session != NULL)
            argp_failure(state, EXIT_USAGE, 0, "one session at a time");
        chosen->session = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_failure(state, EXIT_USAGE, 0, "which session? (coding-agents list shows them)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int fail(const struct error *err, int code)
{
    fputs(PROGRAM ": ", stderr);
    printable_print(stderr, error_text(err));
    fputc('\n', stderr);
    return code;
}

/* Finds the session and checks what can be checked before the engine is asked. 0 or an exit code.
 */
static int open_session(const struct collection_options *chosen, struct collection *collection)
{
    struct error err = ERROR_INITIALIZER;
    if (session_find(chosen->session, &collection->state, &err) < 0)
        return fail(&err, EXIT_SESSION);
    struct session_state *state = collection->state;
    collection->host_branch = chosen->as != NULL ? chosen->as : state->host_branch;
    if (state->repository[0] == '\0' || collection->host_branch[0] == '\0') {
        error_set(&err, EINVAL,
                  "session %s was started without a repository: there is none to fetch into",
                  state->session);
        return fail(&err, EXIT_REPOSITORY);
    }
    if (git_identity_of(state->repository, &collection->identity, &err) < 0)
        return fail(&err, EXIT_REPOSITORY);
    cleanup_free char *worktree = NULL;
    if (git_find_checkout(state->repository, &collection->identity, collection->host_branch,
                          &worktree, &err) < 0)
        return fail(&err, EXIT_REPOSITORY);
    if (worktree == NULL)
        return 0;
    error_set(
        &err, EINVAL,
        "branch %s is checked out in '%s' and is left alone: switch to another branch there, or "
        "fetch under another name (coding-agents sync %s --as NAME)",
        collection->host_branch, worktree, state->session);
    return fail(&err, EXIT_BRANCH);
}

/*
 * One collection of a session at a time: a launcher that sees its session end and the command that
 * stopped it both collect. The lock (owned), held until it is closed; or -errno.
 */
static int take_turn(const struct session_state *state, struct error *err)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    int result = session_state_directory(state->session, directory, err);
    if (result < 0)
        return result;
    if (path_format(path, "%s/collect.lock", directory) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory '%s'", directory);
    cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(err, errno, "open '%s'", path);
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return error_set(err, errno, "lock '%s'", path);
    }
    return steal_fd(&fd);
}

/* Learns whether the container runs; after its end, brings state and volume up to date. 0 or an
 * exit code. */
static int settle(const struct collection_options *chosen, struct collection *collection)
{
    struct error err = ERROR_INITIALIZER;
    struct engine_container container = {.is_running = false};
    bool exists = false;
    if (session_engine_select(collection->state, &err) < 0 ||
        session_engine_container(collection->state, &exists, &container, &err) < 0)
        return fail(&err, EXIT_ENGINE);
    collection->is_running = exists && container.is_running;
    if (collection->is_running)
        return 0;
    json_t *volume = NULL;
    int result = engine_inspect("volume", collection->state->volume, &volume, &err);
    json_decref(volume);
    if (result == -ENOENT)
        error_set(&err, EINVAL, "the volume %s of session %s is gone, and its work with it",
                  collection->state->volume, collection->state->session);
    if (result < 0)
        return fail(&err, result == -ENOENT ? EXIT_COLLECT : EXIT_ENGINE);
    const struct engine_container *known = exists ? &container : NULL;
    const char *as = chosen->as;
    if (session_engine_await_end(&collection->state, known, END_RECORDED_MS, &err) < 0)
        return fail(&err, EXIT_HOST_INTERNAL);
    collection->host_branch = as != NULL ? as : collection->state->host_branch;
    if (session_log_never_ran(collection->state->session)) {
        error_set(&err, EINVAL, "session %s ended before its boot was finished: there is no work",
                  collection->state->session);
        return fail(&err, EXIT_SESSION);
    }
    uint64_t started = 0;
    if (!exists || clock_parse(container.started_at, &started) < 0)
        started = 0;
    int signal = recovery_run(collection, started, chosen->is_recovery_forced);
    if (signal == 0)
        return 0;
    error_set(&err, EINVAL, "interrupted; the work of session %s is in the volume %s",
              collection->state->session, collection->state->volume);
    return fail(&err, 128 + signal);
}

static int fetch(const struct collection_options *chosen, struct collection *collection,
                 struct error *err)
{
    struct string_list list;
    const struct session_state *state = collection->state;
    int result = one_shot_upload_pack(state, collection->is_running, &list, err);
    if (result < 0)
        return result;
    struct fetch_request request = {
        .repository = state->repository,
        .identity = &collection->identity,
        .branch = state->branch,
        .host_branch = collection->host_branch,
        .base_commit = state->base_commit,
        .upload_pack = (const char *const *)list.items,
        .limit = chosen->limit,
    };
    result = fetch_run(&request, &collection->answer, err);
    string_list_free(&list);
    if (collection->answer.has_client_failed && !collection->is_running) {
        char name[64];
        one_shot_name(state, "fetch", name);
        one_shot_remove(name);
    }
    return result;
}

/* Refusals of the fetch as sentences. 0 or an exit code. */
static int judge(const struct collection *collection)
{
    struct error err = ERROR_INITIALIZER;
    const struct session_state *state = collection->state;
    if (collection->answer.outcome == FETCH_REJECTED) {
        error_set(
            &err, EINVAL,
            "branch %s has commits that the session's does not contain and is left alone: fetch "
            "under another name (coding-agents sync %s --as NAME)",
            collection->host_branch, state->session);
        return fail(&err, EXIT_BRANCH);
    }
    if (collection->answer.outcome == FETCH_BROKEN) {
        error_set(&err, EINVAL,
                  "the work of session %s was not accepted: %s; it is still in the volume %s",
                  state->session, collection->answer.reason, state->volume);
        return fail(&err, EXIT_COLLECT);
    }
    return 0;
}

static int finish(const struct collection_options *chosen, struct collection *collection)
{
    struct error err = ERROR_INITIALIZER;
    bool has_work = collection->answer.outcome != FETCH_NOTHING;
    if (has_work && collection_examine(collection, &err) < 0)
        return fail(&err, EXIT_COLLECT);
    if (collection_record(collection, &err) < 0)
        return fail(&err, EXIT_AUDIT);
    if (!chosen->is_json)
        collection_print(collection);
    else if (collection_print_json(collection) < 0)
        return EXIT_HOST_INTERNAL;
    if (collection->recovery_error[0] == '\0')
        return 0;
    error_set(&err, EINVAL,
              "the last changes of session %s could not be committed: %s; they are still in the "
              "volume %s",
              collection->state->session, collection->recovery_error, collection->state->volume);
    return fail(&err, EXIT_COLLECT);
}

/* A session may send more than any does by itself: on record before it does. */
static int record_override(const struct collection_options *chosen,
                           const struct collection *collection, struct error *err)
{
    char what[64];
    if (chosen->limit <= LIMIT_COLLECT_BYTES)
        return 0;
    snprintf(what, sizeof(what), "--max-bytes=%llu", (unsigned long long)chosen->limit);
    json_t *fields = json_pack("{s:s}", "what", what);
    int result = fields == NULL
                     ? error_set(err, ENOMEM, "record %s", what)
                     : collection_record_event(collection, AUDIT_OVERRIDE_USED, fields, err);
    json_decref(fields);
    return result;
}

static int collect(const struct collection_options *chosen, struct collection *collection)
{
    struct error err = ERROR_INITIALIZER;
    int code = open_session(chosen, collection);
    if (code != 0)
        return code;
    cleanup_fd int turn = take_turn(collection->state, &err);
    if (turn < 0)
        return fail(&err, EXIT_HOST_INTERNAL);
    code = settle(chosen, collection);
    if (code != 0)
        return code;
    if (record_override(chosen, collection, &err) < 0)
        return fail(&err, EXIT_AUDIT);
    if (fetch(chosen, collection, &err) < 0)
        return fail(&err, EXIT_COLLECT);
    code = judge(collection);
    return code != 0 ? code : finish(chosen, collection);
}

int main(int argc, char **argv)
{
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .args_doc = "SESSION",
        .doc = "Fetch the work of a session into the repository it was started on.",
    };
    const struct rlimit memory = {.rlim_cur = MEMORY_BYTES, .rlim_max = MEMORY_BYTES};
    struct collection_options chosen = {.limit = LIMIT_COLLECT_BYTES};
    struct collection collection = {.state = NULL};
    argp_err_exit_status = EXIT_USAGE;
    argp_program_version = PROGRAM " " CODING_AGENTS_VERSION;
    error_t failure = argp_parse(&parser, argc, argv, 0, NULL, &chosen);
    if (failure != 0)
        return EXIT_USAGE;
    /* A limit the system sets lower already stays. */
    (void)setrlimit(RLIMIT_DATA, &memory);
    int code = collect(&chosen, &collection);
    collection_release(&collection);
    return code;
}
