/* Asks people on the host about commands: remembers who asks, serves who answers, tells the task
 * runner what they said. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/exec_event.h"
#include "lib/wire/record.h"

/* Of a reply, what is not the fields of its ask: the reason, all of it escaped, and the frame. */
#define REPLY_FRAME_BYTES (TASK_TEXT_SIZE * 6 + 1024)

static void reply(struct peer *peer, json_t *document)
{
    cleanup_free char *text =
        document != NULL ? json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(document);
    /* One reply for each request: who has no room for it did not wait for the last. */
    if (text == NULL || channel_send_frame(peer->fd, CHANNEL_ASK_REPLY, text, strlen(text)) < 0)
        peers_close(peer);
}

/* It is about a moment: whoever came later finds the session as it is. */
static bool has_notice(const struct peer *peer, const struct ask *ask)
{
    const struct keeper *keeper = peer->keeper;
    return keeper->notice_change > peer->after && peer->accepted_ns < keeper->notice_ns &&
           (ask == NULL || keeper->notice_change < ask->change);
}

/* With is_following, the answer may come later. */
static void reply_next(struct peer *peer, bool is_waiting)
{
    struct keeper *keeper = peer->keeper;
    const struct ask *ask = asks_next(&keeper->asks, peer->after);
    bool is_notice = has_notice(peer, ask);
    peer->is_following = ask == NULL && !is_notice && is_waiting;
    if (is_notice)
        reply(peer, json_pack("{s:{s:I, s:s}}", "notice", "change",
                              (json_int_t)keeper->notice_change, "text", keeper->notice));
    else if (ask != NULL)
        reply(peer, json_pack("{s:o}", "ask", asks_describe(ask)));
    else if (!is_waiting)
        reply(peer, json_pack("{s:b}", "end", 1));
}

static void tell_followers(struct keeper *keeper)
{
    for (size_t i = 0; i < LIMIT_CHANNEL_CONNECTIONS; i++) {
        struct peer *peer = &keeper->peers[i];
        if (peer->keeper != NULL && peer->fd >= 0 && peer->is_following)
            reply_next(peer, true);
    }
}

void approvals_notice(struct keeper *keeper, const char *text)
{
    snprintf(keeper->notice, sizeof(keeper->notice), "%s", text);
    keeper->notice_change = ++keeper->asks.changes;
    keeper->notice_ns = clock_monotonic_ns();
    tell_followers(keeper);
}

static const char *text_of(const json_t *fields, const char *key)
{
    const char *text = json_string_value(json_object_get(fields, key));
    return text != NULL ? text : "";
}

/* What the caller reads, or how it was approved. */
static void describe_answer(const struct ask *ask, const struct ask_answer *answer,
                            const struct ask_approval *approval, uid_t uid,
                            char text[TASK_TEXT_SIZE])
{
    if (!answer->is_allowed)
        snprintf(text, TASK_TEXT_SIZE, "denied by rule %s: %s%.*s", text_of(ask->fields, "rule"),
                 answer->text != NULL ? "" : "who was asked said no: ", ASK_TEXT_MAX * 2,
                 answer->text != NULL ? answer->text : text_of(ask->fields, "reason"));
    else if (approval != NULL)
        snprintf(text, TASK_TEXT_SIZE, "approved with ask %llu, by uid %u",
                 (unsigned long long)approval->ask, uid);
    else
        snprintf(text, TASK_TEXT_SIZE, "approved by uid %u, scope %s", uid,
                 ask_scopes[answer->scope]);
}

static void record_answer(struct keeper *keeper, const struct ask *ask,
                          const struct ask_answer *answer, const struct ask_approval *approval,
                          uid_t uid)
{
    json_t *fields = json_pack("{s:I, s:s, s:s, s:s, s:I}", "ask", (json_int_t)ask->number, "id",
                               ask->id, "answer", answer->is_allowed ? "allow" : "deny", "scope",
                               ask_scopes[answer->scope], "uid", (json_int_t)uid);
    if (answer->scope == ASK_PREFIX)
        json_object_set_new(fields, "words", json_integer((json_int_t)answer->words));
    if (approval != NULL)
        json_object_set_new(fields, "approval", json_integer((json_int_t)approval->ask));
    if (answer->text != NULL)
        (void)record_set_text(fields, "reason", answer->text);
    log_own(keeper, AUDIT_EXEC_ANSWER, fields);
}

/* On record first. RUNNER: where it is asked. 0 or -errno. */
static int answer_runner(const struct peer *runner, const struct ask *ask,
                         const struct ask_answer *answer, const struct ask_approval *approval,
                         uid_t uid)
{
    struct exec_answer message = {.version = EXEC_EVENT_VERSION,
                                  .action =
                                      answer->is_allowed ? TASK_ACTION_SANDBOX : TASK_ACTION_DENY,
                                  .asked_ns = ask->asked_ns};
    memcpy(message.id, ask->id, sizeof(message.id));
    describe_answer(ask, answer, approval, uid, message.text);
    record_answer(runner->keeper, ask, answer, approval, uid);
    return channel_send_frame(runner->fd, CHANNEL_EXEC_ANSWER, &message, sizeof(message));
}

/* What is too long for one frame cannot be shown to whoever would have to answer. */
static bool can_be_shown(const json_t *fields)
{
    size_t size = json_dumpb(fields, NULL, 0, JSON_COMPACT);
    return size > 0 && size < LIMIT_CHANNEL_FRAME_BYTES - REPLY_FRAME_BYTES;
}

struct ask *approvals_begin(struct keeper *keeper, json_t *fields)
{
    return can_be_shown(fields) ? asks_add(&keeper->asks, fields) : NULL;
}

static void refuse(const struct peer *runner, const struct exec_event *event)
{
    struct exec_answer message = {
        .version = EXEC_EVENT_VERSION, .action = TASK_ACTION_DENY, .asked_ns = event->monotonic_ns};
    snprintf(message.id, sizeof(message.id), "%s", event->id);
    snprintf(message.text, sizeof(message.text),
             "denied by rule %s: it is too long to be shown to anybody, or too many wait already; "
             "instead put what is long into a file, and try again",
             event->rule);
    (void)channel_send_frame(runner->fd, CHANNEL_EXEC_ANSWER, &message, sizeof(message));
}

/* What was approved before this was asked needs nobody. */
static void match(const struct peer *runner, struct ask *ask)
{
    struct asks *asks = &runner->keeper->asks;
    const struct ask_approval *approval = asks_match(asks, ask);
    if (approval == NULL)
        return;
    const struct ask_answer answer = {
        .ask = ask->number, .is_allowed = true, .scope = approval->scope, .words = approval->words};
    if (answer_runner(runner, ask, &answer, approval, approval->uid) == 0)
        asks_change(asks, ask, ASK_ANSWERED);
}

void approvals_ask(struct peer *runner, const struct exec_event *event, struct ask *ask)
{
    if (ask == NULL) {
        refuse(runner, event);
        return;
    }
    ask->runner = runner;
    ask->asked_ns = event->monotonic_ns;
    snprintf(ask->id, sizeof(ask->id), "%s", event->id);
    match(runner, ask);
    tell_followers(runner->keeper);
}

void approvals_settle(struct peer *runner, const struct exec_event *event, const json_t *fields)
{
    struct keeper *keeper = runner->keeper;
    struct ask *ask = asks_find_open(&keeper->asks, runner, event->id);
    if (ask == NULL)
        return;
    ask->reason = json_incref(json_object_get(fields, "reason"));
    asks_change(&keeper->asks, ask,
                event->action == TASK_ACTION_SANDBOX ? ASK_APPROVED : ASK_DENIED);
    tell_followers(keeper);
}

void approvals_lose(struct peer *runner)
{
    if (asks_lose(&runner->keeper->asks, runner))
        tell_followers(runner->keeper);
}

static int answer_ask(struct peer *peer, const json_t *request, struct error *err)
{
    struct keeper *keeper = peer->keeper;
    struct ask_answer answer;
    int result = ask_answer_read(request, &answer, err);
    if (result < 0)
        return result;
    struct ask *ask = asks_find(&keeper->asks, answer.ask);
    if (ask == NULL)
        return error_set(err, EINVAL,
                         "nothing in this session asked under that number, or long ago: "
                         "coding-agents approvals lists what waits");
    result = asks_check(&keeper->asks, ask, &answer, err);
    if (result < 0)
        return result;
    result = answer_runner(ask->runner, ask, &answer, NULL, peer->uid);
    if (result < 0)
        return error_set(err, -result, "the task runner does not take the answer");
    asks_remember(&keeper->asks, ask, &answer, peer->uid);
    asks_change(&keeper->asks, ask, ASK_ANSWERED);
    tell_followers(keeper);
    return 0;
}

static int serve(struct peer *peer, const json_t *request, struct error *err)
{
    const char *name = json_string_value(json_object_get(request, "request"));
    if (name != NULL && strcmp(name, "next") == 0) {
        peer->after = (uint64_t)json_integer_value(json_object_get(request, "after"));
        reply_next(peer, json_is_true(json_object_get(request, "wait")));
        return 0;
    }
    if (name == NULL || strcmp(name, "answer") != 0)
        return error_set(err, EPROTO, "a request about asks must be 'next' or 'answer'");
    struct error why = ERROR_INITIALIZER;
    if (answer_ask(peer, request, &why) < 0)
        reply(peer, json_pack("{s:s}", "error", error_text(&why)));
    else
        reply(peer, json_pack("{s:b}", "answered", 1));
    return 0;
}

int approvals_serve(struct peer *peer, const void *payload, size_t size, struct error *err)
{
    json_t *request = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
    int result = serve(peer, request, err);
    json_decref(request);
    return result;
}
