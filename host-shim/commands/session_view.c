/* Joins the recorded states of sessions with the engine's containers. */
#include "host-shim/commands/session_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/string_list.h"
#include "lib/host/ask_client.h"
#include "lib/host/engine.h"
#include "lib/host/session_engine.h"
#include "lib/host/session_log.h"
#include "lib/wire/record.h"

#define ENGINE_ANSWER_MS 15000
#define INSPECT_ATTEMPTS 5

/* One `docker inspect` of every container with our label; *LIST is an array, owned. */
static int inspect_once(json_t **list, struct error *err)
{
    static const char *const find[] = {
        "ps", "--all", "--quiet", "--no-trunc", "--filter", "label=" SESSION_LABEL, NULL};
    struct process_result ids = {.output = NULL};
    int result = engine_run(find, ENGINE_ANSWER_MS, &ids, err);
    if (result < 0)
        return result;
    cleanup_string_list struct string_list arguments = {.items = NULL};
    string_list_add(&arguments, "inspect");
    string_list_add(&arguments, "--type=container");
    char *rest = NULL;
    for (char *id = strtok_r(ids.output, "\n", &rest); id != NULL; id = strtok_r(NULL, "\n", &rest))
        string_list_add(&arguments, id);
    process_result_free(&ids);
    if (arguments.has_failed)
        return error_set(err, ENOMEM, "ask the engine for sessions");
    *list = NULL;
    if (arguments.count > 2) {
        struct process_result output = {.output = NULL};
        result = engine_run((const char *const *)arguments.items, ENGINE_ANSWER_MS, &output, err);
        if (result < 0)
            return result;
        *list = json_loads(output.output, 0, NULL);
        process_result_free(&output);
    } else {
        *list = json_array();
    }
    return *list == NULL ? error_set(err, EPROTO, "the engine's list of containers is no JSON") : 0;
}

/* A container that is removed between the two questions makes the second one fail for all. */
static int inspect_all(json_t **list, struct error *err)
{
    int result = -EIO;
    for (int i = 0; i < INSPECT_ATTEMPTS && result == -EIO; i++)
        result = inspect_once(list, err);
    return result;
}

static const char *label_of(const json_t *container, const char *key)
{
    const json_t *labels = json_object_get(json_object_get(container, "Config"), "Labels");
    const char *value = json_string_value(json_object_get(labels, key));
    return value == NULL ? "" : value;
}

/* A session without a container in its engine, recorded as running: starting, or killed. */
static bool is_starting(const struct session_view *view)
{
    return !view->has_container && session_keeper_is_alive(view->state->session);
}

static void apply_container(struct session_view *view, const json_t *container)
{
    const json_t *state = json_object_get(container, "State");
    const char *status = json_string_value(json_object_get(state, "Status"));
    view->has_container = true;
    view->is_running = json_is_true(json_object_get(state, "Running"));
    view->is_frozen = view->is_running && json_is_true(json_object_get(state, "Paused"));
    view->was_oom_killed = json_is_true(json_object_get(state, "OOMKilled"));
    struct engine_container engine = {.is_running = view->is_running};
    const char *started = json_string_value(json_object_get(state, "StartedAt"));
    snprintf(engine.started_at, sizeof(engine.started_at), "%s", started == NULL ? "" : started);
    view->ran_again = session_engine_ran_again(view->state, &engine);
    if (view->ran_again)
        view->exit_code = -1;
    /* A created container that never ran has no exit code of its own. */
    if (!view->is_running && view->exit_code < 0 && status != NULL &&
        strcmp(status, "created") != 0)
        view->exit_code = (int)json_integer_value(json_object_get(state, "ExitCode"));
}

/* The recorded phase is what the keeper last wrote; a keeper that was killed leaves "running"
 * behind. */
static void conclude(struct session_view *view)
{
    enum session_phase phase = view->ran_again ? SESSION_RUNNING : view->state->phase;
    bool is_over = phase == SESSION_RUNNING && view->is_engine_known && !view->is_running &&
                   !is_starting(view);
    view->phase = session_phase_name(phase);
    if (view->is_lost)
        view->phase = view->is_running ? "running" : "lost";
    else if (view->is_running)
        view->phase = session_phase_name(SESSION_RUNNING);
    else if (is_over)
        view->phase = session_phase_name(SESSION_ENDED);
    if (view->is_frozen)
        view->phase = "frozen";
    bool has_ended = phase == SESSION_ENDED || is_over;
    view->has_uncollected_work = !view->is_lost && has_ended && !view->is_running &&
                                 view->state->repository[0] != '\0' &&
                                 !session_log_never_ran(view->state->session);
    view->approvals_waiting =
        view->is_running && !view->is_lost ? ask_client_count(view->state->session, NULL) : -1;
}

static int state_from_labels(const json_t *container, struct session_state **made)
{
    struct session_state *state = calloc(1, sizeof(*state));
    if (state == NULL)
        return -ENOMEM;
    const char *created = json_string_value(json_object_get(container, "Created"));
    snprintf(state->session, sizeof(state->session), "%s", label_of(container, SESSION_LABEL));
    const struct {
        char **field;
        const char *value;
    } texts[] = {
        {&state->agent, label_of(container, "coding-agents.agent")},
        {&state->name, ""},
        {&state->repository, label_of(container, "coding-agents.repo")},
        {&state->branch, ""},
        {&state->host_branch, ""},
        {&state->base_commit, ""},
        {&state->image, ""},
        {&state->engine_context, ""},
        {&state->engine_id, ""},
        {&state->network, ""},
        {&state->ended_at, ""},
        {&state->cause, "its record on this machine is lost"},
        {&state->collected_commit, ""},
        {&state->created_at, created == NULL ? "" : created},
    };
    bool failed = asprintf(&state->container, "coding-agents-%s", state->session) < 0 ||
                  asprintf(&state->volume, "coding-agents-%s", state->session) < 0;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        *texts[i].field = strdup(texts[i].value);
        failed = failed || *texts[i].field == NULL;
    }
    state->exit_code = -1;
    if (failed) {
        session_state_free(state);
        return -ENOMEM;
    }
    *made = state;
    return 0;
}

static struct session_view *find_view(struct session_views *views, const char *session)
{
    for (size_t i = 0; i < views->count; i++) {
        if (strcmp(views->items[i].state->session, session) == 0)
            return &views->items[i];
    }
    return NULL;
}

/* A container of ours without a record: shown to its owner, who else would not know of it. */
static int add_lost(struct session_views *views, const json_t *container)
{
    char owner[16];
    snprintf(owner, sizeof(owner), "%u", (unsigned int)getuid());
    if (strcmp(label_of(container, "coding-agents.owner-uid"), owner) != 0 ||
        !manifest_is_session_id(label_of(container, SESSION_LABEL)))
        return 0;
    struct session_view *items = realloc(views->items, (views->count + 1) * sizeof(*items));
    if (items == NULL)
        return -ENOMEM;
    views->items = items;
    struct session_view view = {.is_lost = true, .is_engine_known = true, .exit_code = -1};
    int result = state_from_labels(container, &view.state);
    if (result == 0)
        views->items[views->count++] = view;
    return result;
}

static int join_containers(struct session_views *views, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *container = json_array_get(list, i);
        struct session_view *view = find_view(views, label_of(container, SESSION_LABEL));
        int result = view == NULL ? add_lost(views, container) : 0;
        if (result < 0)
            return result;
        view = find_view(views, label_of(container, SESSION_LABEL));
        if (view != NULL)
            apply_container(view, container);
    }
    return 0;
}

static int load_states(struct session_views *views, struct error *err)
{
    struct session_state **states = NULL;
    size_t count = 0;
    int result = session_state_list(&states, &count, err);
    if (result < 0)
        return result;
    views->items = calloc(count == 0 ? 1 : count, sizeof(*views->items));
    for (size_t i = 0; i < count; i++) {
        if (views->items == NULL)
            session_state_free(states[i]);
        else
            views->items[views->count++] =
                (struct session_view){.state = states[i], .exit_code = states[i]->exit_code};
    }
    free(states);
    return views->items == NULL ? error_set(err, ENOMEM, "list the sessions") : 0;
}

int session_views_read(struct session_views *views, struct error *err)
{
    struct session_views read = {.items = NULL, .count = 0};
    struct error engine_error = ERROR_INITIALIZER;
    json_t *list = NULL;
    int result = load_states(&read, err);
    if (result < 0)
        return result;
    char id[128];
    bool is_engine_known =
        engine_read_id(id, &engine_error) == 0 && inspect_all(&list, &engine_error) == 0;
    if (!is_engine_known)
        snprintf(read.engine_error, sizeof(read.engine_error), "%.500s", error_text(&engine_error));
    else if (join_containers(&read, list) < 0)
        result = error_set(err, ENOMEM, "list the sessions");
    json_decref(list);
    if (result < 0) {
        session_views_free(&read);
        return result;
    }
    for (size_t i = 0; i < read.count; i++) {
        const char *its_own = read.items[i].state->engine_id;
        read.items[i].is_engine_known =
            is_engine_known && (its_own[0] == '\0' || strcmp(its_own, id) == 0);
        conclude(&read.items[i]);
    }
    *views = read;
    return 0;
}

void session_views_free(struct session_views *views)
{
    for (size_t i = 0; i < views->count; i++)
        session_view_free(&views->items[i]);
    free(views->items);
    *views = (struct session_views){.items = NULL, .count = 0};
}

int session_view_read(struct session_state *state, struct session_view *view, struct error *err)
{
    struct session_view read = {.state = state, .exit_code = state->exit_code};
    json_t *container = NULL;
    int result = engine_inspect("container", state->container, &container, err);
    if (result < 0 && result != -ENOENT)
        return result;
    read.is_engine_known = true;
    if (result == 0)
        apply_container(&read, container);
    json_decref(container);
    conclude(&read);
    *view = read;
    return 0;
}

void session_view_free(struct session_view *view)
{
    session_state_free(view->state);
    view->state = NULL;
}

void session_view_age(const char *timestamp, char text[32])
{
    static const struct {
        long seconds;
        const char *unit;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    struct tm when = {.tm_isdst = 0};
    text[0] = '\0';
    if (strptime(timestamp, "%Y-%m-%dT%H:%M:%S", &when) == NULL)
        return;
    long age = (long)(time(NULL) - timegm(&when));
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        long number = age / units[i].seconds;
        if (number < 1 && units[i].seconds > 1)
            continue;
        number = number < 0 ? 0 : number;
        snprintf(text, 32, "%ld %s%s", number, units[i].unit, number == 1 ? "" : "s");
        return;
    }
}
