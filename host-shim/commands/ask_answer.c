/* Finds the ask that an id means, answers it, and waits for what comes of that. */
#include "host-shim/commands/ask_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/ask_view.h"
#include "lib/base/cleanup.h"
#include "lib/host/ask_client.h"
#include "lib/host/session_engine.h"

#define DIGITS_MAX 18

int ask_answer_parse_number(const char *text, uint64_t *number)
{
    size_t length = strlen(text);
    if (length == 0 || length > DIGITS_MAX || strspn(text, "0123456789") != length)
        return -EINVAL;
    *number = strtoull(text, NULL, 10);
    return *number > 0 ? 0 : -EINVAL;
}

static int refuse_id(const char *text, struct error *err)
{
    return error_set(
        err, EINVAL,
        "'%.64s' is not the id of a command that waits: that is a session and a number, "
        "as in abcdefgh-3, and coding-agents approvals lists them",
        text);
}

/* What stands in front of the last '-' means a session as everywhere. */
static int find(const char *text, struct session_state **state, uint64_t *number, struct error *err)
{
    const char *dash = strrchr(text, '-');
    if (dash == NULL || dash == text || ask_answer_parse_number(dash + 1, number) < 0)
        return refuse_id(text, err);
    cleanup_free char *session = strndup(text, (size_t)(dash - text));
    if (session == NULL)
        return error_set(err, ENOMEM, "find the session");
    struct error why = ERROR_INITIALIZER;
    int result = session_find(session, state, &why);
    if (result == -ENOENT)
        return refuse_id(text, err);
    return result < 0 ? error_set(err, EINVAL, "%s", error_text(&why)) : 0;
}

/* The ask, once it is over; NULL: nobody said. Owned by the caller. */
static json_t *await_end(struct ask_client *client, uint64_t number,
                         const struct session_state *state)
{
    json_t *ask = NULL;
    while (ask_client_request_next(client, true, NULL) == 0 &&
           ask_client_receive_next(client, ASK_CLIENT_ANSWER_MS, &ask, NULL) == 0) {
        json_t *view = ask_view_json(state->session, state->name, ask);
        bool is_it = json_integer_value(json_object_get(ask, "ask")) == (json_int_t)number;
        json_decref(ask);
        if (is_it && ask_view_is_over(view))
            return view;
        json_decref(view);
    }
    return NULL;
}

static bool has_state(const json_t *view, enum ask_state state)
{
    const char *name = json_string_value(json_object_get(view, "state"));
    return name != NULL && strcmp(name, ask_states[state]) == 0;
}

/* An answer can cross the end of the time. */
static int tell_outcome(const struct command_line *line, const char *text, json_t *view,
                        const struct ask_answer *answer)
{
    struct error err = ERROR_INITIALIZER;
    if (view == NULL) {
        error_set(&err, EINVAL, "%s was answered, but the session did not say what came of it",
                  text);
        return command_fail(line, &err, EXIT_SESSION);
    }
    ask_view_print_outcome(stdout, view);
    bool is_as_said = has_state(view, answer->is_allowed ? ASK_APPROVED : ASK_DENIED);
    json_decref(view);
    return is_as_said ? 0 : EXIT_SESSION;
}

static int give(const struct command_line *line, const char *text,
                const struct session_state *state, const struct ask_answer *answer)
{
    struct ask_client client = {.fd = -1};
    struct error err = ERROR_INITIALIZER;
    int result = session_keeper_is_alive(state->session)
                     ? ask_client_open(&client, state->session, &err)
                     : error_set(&err, EINVAL, "session %s does not run, so nothing in it waits",
                                 state->session);
    if (result == 0) {
        result = ask_client_answer(&client, answer, &err);
        if (result < 0)
            error_prefix(&err, "%s", text);
    }
    int code = result < 0
                   ? command_fail(line, &err, EXIT_SESSION)
                   : tell_outcome(line, text, await_end(&client, answer->ask, state), answer);
    ask_client_close(&client);
    return code;
}

int ask_answer_give(const struct command_line *line, const char *text, struct ask_answer *answer)
{
    struct session_state *state = NULL;
    struct error err = ERROR_INITIALIZER;
    if (find(text, &state, &answer->ask, &err) < 0)
        return command_fail(line, &err, EXIT_SESSION);
    int code = give(line, text, state, answer);
    session_state_free(state);
    return code;
}
