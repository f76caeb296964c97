/* coding-agents approvals: the commands that wait for an answer, now or as they come. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/ask_view.h"
#include "host-shim/commands/command.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/ask_client.h"
#include "lib/host/ask_line.h"
#include "lib/host/printable.h"
#include "lib/host/session_engine.h"

/* Nobody reads more lines in that time, and a program inside can make as many as it likes. */
#define BRIEF_MAX 10
#define BRIEF_NS (10 * CLOCK_NANOSECONDS_PER_SECOND)
/* Between two looks for sessions that are new. */
#define LOOK_MS 1000

struct watched {
    struct ask_client client;
    char *name; /* owned */
};

struct watch {
    const struct command_line *line;
    struct watched *items; /* owned */
    size_t count;
    bool is_json;
    bool is_quiet;
    bool is_brief;
    bool is_following;
    uint64_t brief_ns; /* since then BRIEF_COUNT lines were printed */
    unsigned int brief_count;
    int code; /* of what failed first; 0: nothing */
};

static void tell(struct watch *watch, const struct error *err)
{
    int code = command_fail(watch->line, err, EXIT_SESSION);
    watch->code = watch->code != 0 ? watch->code : code;
}

static bool is_watched(const struct watch *watch, const char *session)
{
    for (size_t i = 0; i < watch->count; i++)
        if (strcmp(watch->items[i].client.session, session) == 0)
            return true;
    return false;
}

/* 0 or -errno. */
static int watch_session(struct watch *watch, const struct session_state *state, struct error *err)
{
    struct watched item = {.name = strdup(state->name)};
    struct watched *items = reallocarray(watch->items, watch->count + 1, sizeof(*items));
    if (items != NULL)
        watch->items = items;
    int result = items == NULL || item.name == NULL
                     ? error_set(err, ENOMEM, "watch session %s", state->session)
                     : ask_client_open(&item.client, state->session, err);
    if (result == 0 && watch->is_following)
        result = ask_client_request_next(&item.client, true, err);
    if (result < 0) {
        free(item.name);
        return result;
    }
    watch->items[watch->count++] = item;
    return 0;
}

/* One whose keeper ends at this moment is one that has ended. */
static int watch_new_sessions(struct watch *watch, struct error *err)
{
    struct session_state **states = NULL;
    size_t count = 0;
    int result = session_state_list(&states, &count, err);
    for (size_t i = 0; i < count; i++) {
        struct error why = ERROR_INITIALIZER;
        if (!is_watched(watch, states[i]->session) && session_keeper_is_alive(states[i]->session) &&
            watch_session(watch, states[i], &why) < 0 &&
            session_keeper_is_alive(states[i]->session))
            tell(watch, &why);
        session_state_free(states[i]);
    }
    free(states);
    return result;
}

static void print_brief(struct watch *watch, const struct watched *item, const json_t *ask)
{
    uint64_t now_ns = clock_monotonic_ns();
    if (watch->brief_ns == 0 || now_ns - watch->brief_ns > BRIEF_NS) {
        watch->brief_ns = now_ns;
        watch->brief_count = 0;
    }
    if (watch->brief_count++ >= BRIEF_MAX) {
        if (watch->brief_count == BRIEF_MAX + 1)
            puts("coding-agents: more asks at once; coding-agents approvals lists all that waits");
        return;
    }
    cleanup_free char *text = ask_line(item->client.session, item->name, ask);
    printf("coding-agents: %s\n", text != NULL ? text : "a command waits for an answer");
}

static void print(const struct watch *watch, const json_t *view)
{
    if (watch->is_json) {
        json_dumpf(view, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        putchar('\n');
    } else if (watch->is_quiet) {
        if (ask_view_is_waiting(view))
            puts(json_string_value(json_object_get(view, "id")));
    } else if (ask_view_is_waiting(view)) {
        ask_view_print(stdout, view, clock_realtime_ns());
    } else {
        ask_view_print_outcome(stdout, view);
    }
}

/* What the keeper says is for people. */
static int show_notice(const struct watch *watch, const struct watched *item, const char *text)
{
    if (!watch->is_following || watch->is_json || watch->is_quiet)
        return 0;
    fputs("coding-agents: session ", stdout);
    printable_print(stdout, item->name);
    fputs(" is ", stdout);
    printable_print(stdout, text);
    putchar('\n');
    return fflush(stdout) == EOF ? -EIO : 0;
}

/* Who looks once sees what waits, and who follows what becomes of it too. */
static int show(struct watch *watch, const struct watched *item, const json_t *ask)
{
    const char *notice = ask_client_notice(ask);
    if (notice != NULL)
        return show_notice(watch, item, notice);
    json_t *view = ask_view_json(item->client.session, item->name, ask);
    if (view == NULL)
        return -ENOMEM;
    if (watch->is_brief && ask_view_is_waiting(view))
        print_brief(watch, item, ask);
    else if (!watch->is_brief &&
             (ask_view_is_waiting(view) || (watch->is_following && ask_view_is_over(view))))
        print(watch, view);
    json_decref(view);
    return fflush(stdout) == EOF ? -EIO : 0;
}

static int show_waiting(struct watch *watch, struct watched *item, struct error *err)
{
    json_t *ask = NULL;
    int result = ask_client_next(&item->client, &ask, err);
    while (result == 0 && ask != NULL) {
        result = show(watch, item, ask);
        json_decref(ask);
        ask = NULL;
        if (result == 0)
            result = ask_client_next(&item->client, &ask, err);
    }
    return result;
}

static int list(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct error err = ERROR_INITIALIZER;
        if (show_waiting(watch, &watch->items[i], &err) < 0)
            tell(watch, &err);
    }
    return watch->code;
}

/* A session that is watched no more is over; one that is not is looked for again. */
static void drop(struct watch *watch, size_t index)
{
    ask_client_close(&watch->items[index].client);
    free(watch->items[index].name);
    watch->items[index] = watch->items[--watch->count];
}

static int hear(struct watch *watch, struct watched *item)
{
    json_t *ask = NULL;
    int result = ask_client_receive_next(&item->client, ASK_CLIENT_ANSWER_MS, &ask, NULL);
    if (result == 0 && ask != NULL)
        result = show(watch, item, ask);
    json_decref(ask);
    return result < 0 ? result : ask_client_request_next(&item->client, true, NULL);
}

static int wait_once(struct watch *watch, int timeout_ms)
{
    cleanup_free struct pollfd *polls = calloc(watch->count + 1, sizeof(*polls));
    if (polls == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < watch->count; i++)
        polls[i] = (struct pollfd){.fd = watch->items[i].client.fd, .events = POLLIN};
    if (poll(polls, watch->count, timeout_ms) < 0 && errno != EINTR)
        return -errno;
    for (size_t i = watch->count; i-- > 0;)
        if (polls[i].revents != 0 && hear(watch, &watch->items[i]) < 0)
            drop(watch, i);
    return ferror(stdout) ? -EIO : 0;
}

/* One session until its end, or all there are and will be. */
static int follow(struct watch *watch, bool is_one)
{
    struct error err = ERROR_INITIALIZER;
    int result = 0;
    while (result == 0 && (!is_one || watch->count > 0)) {
        result = wait_once(watch, is_one ? -1 : LOOK_MS);
        if (result == 0 && !is_one)
            result = watch_new_sessions(watch, &err);
    }
    if (result == 0)
        return watch->code;
    if (err.number == 0)
        error_set(&err, -result, "show what waits");
    return command_fail(watch->line, &err, EXIT_HOST_INTERNAL);
}

/* 0 or an exit code. */
static int open_one(struct watch *watch, const char *text)
{
    struct error err = ERROR_INITIALIZER;
    struct session_state *state = NULL;
    int result = session_find(text, &state, &err);
    if (result == 0 && !session_keeper_is_alive(state->session))
        result = error_set(&err, EINVAL, "session %s does not run, so nothing in it waits",
                           state->session);
    else if (result == 0)
        result = watch_session(watch, state, &err);
    session_state_free(state);
    return result < 0 ? command_fail(watch->line, &err, EXIT_SESSION) : 0;
}

static int open_all(struct watch *watch)
{
    struct error err = ERROR_INITIALIZER;
    return watch_new_sessions(watch, &err) < 0 ? command_fail(watch->line, &err, EXIT_HOST_INTERNAL)
                                               : 0;
}

int main(int argc, char **argv)
{
    struct command_line line;
    command_begin("approvals", argc, argv, &line);
    struct watch watch = {.line = &line,
                          .is_json = command_has(&line, "json"),
                          .is_quiet = command_has(&line, "quiet"),
                          .is_brief = command_has(&line, "brief"),
                          .is_following = command_has(&line, "follow")};
    bool is_one = line.argument_count > 0;
    int code = is_one ? open_one(&watch, line.arguments[0]) : open_all(&watch);
    if (code == 0 && !watch.is_json && !watch.is_quiet && !watch.is_brief)
        ask_view_print_title(stdout);
    if (code == 0)
        code = watch.is_following ? follow(&watch, is_one) : list(&watch);
    while (watch.count > 0)
        drop(&watch, watch.count - 1);
    free(watch.items);
    return code;
}
