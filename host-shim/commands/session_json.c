/* A session as a JSON object, for list and status. */
#include <jansson.h>
#include <string.h>

#include "host-shim/commands/session_view.h"
#include "lib/base/cleanup.h"
#include "lib/wire/record.h"

static int set_texts(json_t *object, const struct session_state *state)
{
    const struct {
        const char *key;
        const char *value;
    } texts[] = {
        {"session", state->session},
        {"agent", state->agent},
        {"name", state->name},
        {"repository", state->repository},
        {"branch", state->branch},
        {"host_branch", state->host_branch},
        {"base_commit", state->base_commit},
        {"image", state->image},
        {"container", state->container},
        {"volume", state->volume},
        {"network", state->network},
        {"created_at", state->created_at},
        {"ended_at", state->ended_at},
        {"cause", state->cause},
        {"collected_commit", state->collected_commit},
        {"audit_key", state->audit_key},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        int result =
            record_set_text(object, texts[i].key, texts[i].value == NULL ? "" : texts[i].value);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Below 0 it is not known. */
static int set_number(json_t *object, const char *key, int number)
{
    return json_object_set_new(object, key, number < 0 ? json_null() : json_integer(number));
}

json_t *session_view_json(const struct session_view *view)
{
    const struct session_state *state = view->state;
    json_t *object =
        json_pack("{s:s,s:b,s:b,s:b,s:b,s:b,s:b,s:b,s:b}", "phase", view->phase, "is_lost",
                  view->is_lost, "is_running", view->is_running, "has_container",
                  view->has_container, "was_oom_killed", view->was_oom_killed, "is_interactive",
                  state->is_interactive, "is_persistent", state->is_persistent, "push_enabled",
                  state->push_enabled, "has_uncollected_work", view->has_uncollected_work);
    if (object == NULL || set_texts(object, state) < 0) {
        json_decref(object);
        return NULL;
    }
    if (set_number(object, "exit_code", view->exit_code) < 0 ||
        set_number(object, "approvals_waiting", view->approvals_waiting) < 0) {
        json_decref(object);
        return NULL;
    }
    char command[64];
    char thaw[128];
    snprintf(command, sizeof(command), "coding-agents sync %s", state->session);
    snprintf(thaw, sizeof(thaw), "docker unpause %.100s", state->container);
    if ((view->has_uncollected_work &&
         json_object_set_new(object, "collect_command", json_string(command)) < 0) ||
        (view->is_frozen && json_object_set_new(object, "thaw_command", json_string(thaw)) < 0)) {
        json_decref(object);
        return NULL;
    }
    return object;
}
