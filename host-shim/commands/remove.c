/* coding-agents remove: takes sessions away, with everything they left, and never loses work
 * unasked. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/commands/branch_removal.h"
#include "host-shim/commands/command.h"
#include "host-shim/commands/losses.h"
#include "host-shim/commands/session_end.h"
#include "host-shim/commands/session_view.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/engine.h"
#include "lib/host/leftovers.h"
#include "lib/host/one_shot.h"
#include "lib/host/printable.h"
#include "lib/host/session_log.h"
#include "lib/wire/relay.h"

#define ENGINE_MS 120000

/* Removes the object of KIND called NAME by ARGUMENTS, unless it is gone already. */
static int remove_object(const char *kind, const char *name, const char *const *arguments,
                         struct error *err)
{
    json_t *object = NULL;
    struct process_result result = {.output = NULL};
    int outcome = engine_inspect(kind, name, &object, err);
    json_decref(object);
    if (outcome == -ENOENT)
        return 0;
    if (outcome == 0)
        outcome = engine_run(arguments, ENGINE_MS, &result, err);
    process_result_free(&result);
    if (outcome == 0)
        return 0;
    /* The keeper may have been faster. */
    object = NULL;
    bool is_gone = engine_inspect(kind, name, &object, NULL) == -ENOENT;
    json_decref(object);
    return is_gone ? 0 : outcome;
}

/* What a session with a sidecar has besides; others have nothing of such names. */
struct sidecar_names {
    char sidecar[RELAY_NAME_SIZE];
    char sockets[RELAY_NAME_SIZE];
};

static struct sidecar_names sidecar_names_of(const struct session_state *state)
{
    struct sidecar_names names;
    snprintf(names.sidecar, sizeof(names.sidecar), "%.40s" RELAY_CONTAINER_SUFFIX,
             state->container);
    snprintf(names.sockets, sizeof(names.sockets), "%.40s" RELAY_VOLUME_SUFFIX, state->container);
    return names;
}

static int remove_from_engine(const struct session_state *state, struct error *err)
{
    struct sidecar_names names = sidecar_names_of(state);
    const char *const container[] = {"rm", "--force", state->container, NULL};
    const char *const volume[] = {"volume", "rm", state->volume, NULL};
    const char *const network[] = {"network", "rm", state->container, NULL};
    const char *const sidecar[] = {"rm", "--force", names.sidecar, NULL};
    const char *const sockets[] = {"volume", "rm", names.sockets, NULL};
    static const char *const one_shots[] = {"recover", "fetch"};
    char name[64];
    for (size_t i = 0; i < ARRAY_LENGTH(one_shots); i++) {
        one_shot_name(state, one_shots[i], name);
        one_shot_remove(name);
    }
    int result = remove_object("container", state->container, container, err);
    if (result == 0)
        result = remove_object("volume", state->volume, volume, err);
    if (result == 0)
        result = remove_object("network", state->container, network, err);
    if (result == 0)
        result = remove_object("container", names.sidecar, sidecar, err);
    if (result == 0)
        result = remove_object("volume", names.sockets, sockets, err);
    return result;
}

static int remove_records(const char *session, struct error *err)
{
    char path[PATH_MAX];
    int result = session_runtime_directory(session, path, err);
    if (result == 0)
        result = path_remove_tree(AT_FDCWD, path, err);
    if (result == 0)
        result = leftovers_clone_path(session, path, err);
    if (result == 0)
        result = path_remove_tree(AT_FDCWD, path, err);
    if (result == 0)
        result = session_state_directory(session, path, err);
    if (result == 0)
        result = path_remove_tree(AT_FDCWD, path, err);
    if (result == 0)
        leftovers_sweep();
    return result;
}

static bool has_volume(const struct session_state *state)
{
    json_t *volume = NULL;
    int result = engine_inspect("volume", state->volume, &volume, NULL);
    json_decref(volume);
    return result != -ENOENT;
}

/* Fetches what can be fetched. True when nothing of the session would be lost. */
static bool save_work(const struct command_line *line, struct session_state **state)
{
    if ((*state)->phase == SESSION_COLLECTED || session_log_never_ran((*state)->session))
        return true;
    if (command_has(line, "no-push") || (*state)->repository[0] == '\0' || !has_volume(*state))
        return false;
    if (session_end_collect(line, (*state)->session) != 0)
        return false;
    struct session_state *fresh = NULL;
    if (session_state_load((*state)->session, &fresh, NULL) < 0)
        return false;
    session_state_free(*state);
    *state = fresh;
    return fresh->phase == SESSION_COLLECTED;
}

/* What is left when the work is safe, or given up. 0 or an exit code. */
static int remove_leftovers(const struct command_line *line, const struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    if (remove_from_engine(state, &err) < 0)
        return command_fail(line, &err, EXIT_ENGINE);
    bool is_branch_gone = !command_has(line, "keep-branch") && branch_removal_run(state);
    if (remove_records(state->session, &err) < 0)
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    printf("removed %s%s%s\n", state->session, is_branch_gone ? " and its empty branch " : "",
           is_branch_gone ? state->host_branch : "");
    return 0;
}

/* Asks whoever sits there. Without a terminal nobody does. */
static bool is_agreed(const struct error *losses)
{
    char answer[16] = "";
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    fputs("coding-agents remove: ", stderr);
    printable_print(stderr, error_text(losses));
    fputs("\ncoding-agents remove: remove it all the same? [y/N] ", stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* With --yes, or when nothing is lost, or when that is agreed to. 0 or an exit code. */
static int check_losses(const struct command_line *line, const struct session_state *state,
                        bool is_saved)
{
    struct error err = ERROR_INITIALIZER;
    struct losses losses;
    if (command_has(line, "yes"))
        return 0;
    if (losses_read(state, has_volume(state), &losses, &err) < 0)
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    losses.has_unfetched = !is_saved;
    bool are_none = losses_are_none(&losses);
    if (!are_none)
        losses_tell(state, &losses, &err);
    losses_free(&losses);
    if (are_none || is_agreed(&err))
        return 0;
    fputs("coding-agents remove: ", stderr);
    printable_print(stderr, error_text(&err));
    fprintf(stderr, "; it was not removed, and coding-agents remove %s --yes discards it all\n",
            state->session);
    return EXIT_SESSION;
}

/* Takes STATE. 0 or an exit code. */
static int remove_one(const struct command_line *line, struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    int code = 0;
    /* A launch that was broken off before it asked for its container. */
    bool was_planned = state->phase == SESSION_PLANNED;
    if (session_end(&state, SESSION_END_STOP, NULL, &err) < 0) {
        code = command_fail(line, &err, EXIT_ENGINE);
    } else {
        bool is_saved = was_planned || save_work(line, &state);
        code = check_losses(line, state, is_saved);
        if (code == 0)
            code = remove_leftovers(line, state);
    }
    session_state_free(state);
    return code;
}

/* A session that only the engine knows: nobody can say where its work belongs. */
static int remove_lost(const struct command_line *line, const struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    if (!command_has(line, "yes")) {
        error_set(&err, EINVAL,
                  "the record of session %s is lost, so its work cannot be fetched; it lies in the "
                  "volume "
                  "%s: discard it with coding-agents remove %s --yes",
                  state->session, state->volume, state->session);
        return command_fail(line, &err, EXIT_SESSION);
    }
    if (remove_from_engine(state, &err) < 0)
        return command_fail(line, &err, EXIT_ENGINE);
    printf("removed %s\n", state->session);
    return 0;
}

static int remove_all(const struct command_line *line, const struct session_views *views)
{
    int code = 0;
    for (size_t i = 0; i < views->count; i++) {
        struct session_state *state = NULL;
        /* Another state directory may have the record of what is lost to this one: only by name. */
        if (views->items[i].is_lost)
            continue;
        int one = command_open_session(line, views->items[i].state->session, &state);
        if (one == 0)
            one = remove_one(line, state);
        code = code == 0 ? one : code;
    }
    return code;
}

static const struct session_state *find_lost(const struct session_views *views, const char *text)
{
    for (size_t i = 0; i < views->count; i++) {
        if (views->items[i].is_lost && strcmp(views->items[i].state->session, text) == 0)
            return views->items[i].state;
    }
    return NULL;
}

/* Lost ones first: they are on the engine in force, and opening a session goes to its own. */
static int remove_named(const struct command_line *line, const struct session_views *views)
{
    int code = 0;
    for (size_t i = 0; i < 2 * line->argument_count; i++) {
        const char *text = line->arguments[i % line->argument_count];
        const struct session_state *lost = find_lost(views, text);
        struct session_state *state = NULL;
        if ((lost != NULL) != (i < line->argument_count))
            continue;
        int one = lost != NULL ? remove_lost(line, lost) : command_open_session(line, text, &state);
        if (one == 0 && lost == NULL)
            one = remove_one(line, state);
        code = code == 0 ? one : code;
    }
    return code;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct session_views views;
    struct error err = ERROR_INITIALIZER;
    command_begin("remove", argc, argv, &line);
    bool is_all = command_has(&line, "all");
    if (is_all == (line.argument_count > 0)) {
        error_set(&err, EINVAL, "name sessions, or write --all");
        return command_fail(&line, &err, EXIT_USAGE);
    }
    if (session_views_read(&views, &err) < 0)
        return command_fail(&line, &err, EXIT_HOST_INTERNAL);
    int code = is_all ? remove_all(&line, &views) : remove_named(&line, &views);
    session_views_free(&views);
    return code;
}
