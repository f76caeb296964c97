/* What a sandbox says on its control socket: the verdict, which goes on record before anything
 * runs, the end, and what ran inside. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/configuration.h"
#include "sandbox/exec-trap/event.h"
#include "sandbox/exec-trap/verdict_check.h"

/* A sandbox ends itself when what is left has had its time; this is if it does not. */
#define LINGER_GRACE_MS 1000

static union {
    struct task_header header;
    struct task_verdict verdict;
    struct task_ended ended;
    struct task_nested nested;
    struct task_reply reply;
    char bytes[sizeof(struct task_verdict) + TASK_ARGUMENTS_SHOWN];
} message;

void verdict_go(struct sandbox *sandbox)
{
    const struct exec_event *event = &sandbox->event;
    struct task_status_row *status = &sandbox->runner->status;
    struct task_go go = {.action = event->action};
    memcpy(go.text, event->text, sizeof(go.text));
    status->executed += sandbox->has_run;
    status->denied += event->action == TASK_ACTION_DENY;
    sandbox->state = SANDBOX_RUNNING;
    if (message_send(sandbox->control.fd, TASK_GO, &go, sizeof(go), -1) < 0 ||
        (sandbox->runner->is_stopping && sandboxes_stop(sandbox) < 0))
        sandboxes_kill(sandbox);
    pool_balance(sandbox->runner);
}

void verdict_record_end(struct sandbox *sandbox, uint32_t wait_status)
{
    struct exec_event event = sandbox->event;
    if (!sandbox->has_run)
        return;
    sandbox->has_run = false;
    event.kind = EXEC_EVENT_END;
    event.wait_status = wait_status;
    event.duration_ns = clock_monotonic_ns() - event.monotonic_ns;
    event.arguments_size = 0;
    audit_record(sandbox->runner, &event, NULL);
}

/* Another sandbox has to judge and run it: this one has seen it, and is used up. */
static int redirect_client(struct sandbox *sandbox, const char *profile)
{
    struct client *client = sandbox->client;
    uint32_t number = configuration_find_profile(&sandbox->runner->pool.policy, profile);
    if (client == NULL || client->profile != 0 || number == 0)
        return -EPROTO;
    sandbox->client = NULL;
    watch_stop(&sandbox->caller);
    if (sandbox->caller.fd >= 0)
        client->pidfd = steal_fd(&sandbox->caller.fd);
    sandboxes_kill(sandbox);
    clients_queue(client, number);
    return 0;
}

/* Nothing runs, and nobody is told, before it is on record. */
static void record(struct sandbox *sandbox)
{
    sandbox->event.kind = EXEC_EVENT_START;
    sandbox->event.duration_ns = 0;
    sandbox->has_run = sandbox->event.action == TASK_ACTION_SANDBOX;
    sandbox->state = SANDBOX_RECORDING;
    sandbox->sequence = audit_record(sandbox->runner, &sandbox->event, sandbox->arguments);
    if (sandbox->sequence <= sandbox->runner->audit.sent)
        verdict_go(sandbox);
}

void verdict_answer(struct sandbox *sandbox, const struct exec_answer *answer)
{
    sandbox->event.action = answer->action;
    memcpy(sandbox->event.text, answer->text, sizeof(answer->text));
    record(sandbox);
}

void verdict_deny(struct sandbox *sandbox, const char *why)
{
    event_deny(&sandbox->event, why);
    record(sandbox);
}

static void ask(struct sandbox *sandbox)
{
    struct runner *runner = sandbox->runner;
    size_t count = sandboxes_count(runner, EVERY_UID, SANDBOX_ASKING, SANDBOX_ASKING);
    if (count >= SANDBOXES_ASKING_MAX) {
        verdict_deny(sandbox, "too many commands wait for an answer already");
        return;
    }
    sandbox->state = SANDBOX_ASKING;
    sandbox->deadline_ns =
        runner_deadline(runner, sandbox->event.duration_ns / CLOCK_NANOSECONDS_PER_MILLISECOND);
    sandbox->sequence = audit_record(runner, &sandbox->event, sandbox->arguments);
    pool_balance(runner);
}

static int on_verdict(struct sandbox *sandbox, size_t size)
{
    const struct task_verdict *verdict = &message.verdict;
    if (verdict_check(&message.verdict, size) < 0)
        return -EPROTO;
    if (verdict->event.action == TASK_ACTION_REDIRECT)
        return redirect_client(sandbox, verdict->event.profile);
    event_of_verdict(verdict, &sandbox->row, &sandbox->event);
    memcpy(sandbox->arguments, verdict + 1, sandbox->event.arguments_size);
    struct client *client = sandbox->client;
    sandbox->client = NULL;
    if (sandbox->event.action == TASK_ACTION_ASK)
        ask(sandbox);
    else
        record(sandbox);
    /* The sandbox has taken over the client's descriptors: it is its own affair. */
    if (client != NULL)
        clients_free(client);
    return 0;
}

/* It could not be confined, and ends. */
static int on_failed(struct sandbox *sandbox, size_t size)
{
    if (size != sizeof(message.reply))
        return -EPROTO;
    message.reply.text[TASK_TEXT_SIZE - 1] = '\0';
    pool_fail(sandbox, EPROTO, message.reply.text);
    sandboxes_kill(sandbox);
    return 0;
}

static int on_ended(struct sandbox *sandbox, size_t size)
{
    if (size != sizeof(message.ended))
        return -EPROTO;
    if (sandbox->state == SANDBOX_RUNNING) {
        verdict_record_end(sandbox, message.ended.wait_status);
        sandbox->deadline_ns =
            runner_deadline(sandbox->runner, 1000 * sandbox->linger_seconds + LINGER_GRACE_MS);
    }
    sandbox->state = SANDBOX_LINGERING;
    watch_close(&sandbox->caller);
    return 0;
}

static int on_nested(struct sandbox *sandbox, size_t size)
{
    const struct task_nested *nested = &message.nested;
    struct exec_event event;
    if (nested_check(&message.nested, size) < 0)
        return -EPROTO;
    event_of_nested(nested, &sandbox->row, &event);
    audit_record(sandbox->runner, &event, (const char *)(nested + 1));
    return 0;
}

/* clang-format off */
static const struct {
    enum task_message type;
    enum sandbox_state first, last; /* in which it may come */
    int (*hear)(struct sandbox *sandbox, size_t size);
} words[] = {
    {TASK_ERROR,   SANDBOX_WARM,    SANDBOX_JUDGING,   on_failed},
    {TASK_VERDICT, SANDBOX_JUDGING, SANDBOX_JUDGING,   on_verdict},
    {TASK_ENDED,   SANDBOX_RUNNING, SANDBOX_LINGERING, on_ended},
    {TASK_LINGER,  SANDBOX_RUNNING, SANDBOX_LINGERING, on_ended},
    {TASK_NESTED,  SANDBOX_RUNNING, SANDBOX_LINGERING, on_nested},
};
/* clang-format on */

static int hear(struct sandbox *sandbox, size_t size)
{
    if (size < sizeof(message.header) || message.header.version != TASK_PROTOCOL_VERSION)
        return -EPROTO;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (message.header.type == words[i].type && sandbox->state >= words[i].first &&
            sandbox->state <= words[i].last)
            return words[i].hear(sandbox, size);
    }
    return -EPROTO;
}

bool verdict_hear(struct sandbox *sandbox)
{
    struct unix_fds fds;
    ssize_t size = sandbox->control.fd < 0
                       ? -EAGAIN
                       : unix_message_receive(sandbox->control.fd, &message, sizeof(message), &fds);
    if (size == -EAGAIN)
        return false;
    unix_fds_close(&fds);
    if (size > 0 && sandbox->state == SANDBOX_ENDING)
        return true;
    if (size > 0 && hear(sandbox, (size_t)size) == 0)
        return true;
    /* It is gone, or says what it may not: its end is told by its pidfd. */
    watch_close(&sandbox->control);
    sandboxes_kill(sandbox);
    return false;
}

void verdict_on_control(void *context, uint32_t events)
{
    (void)events;
    (void)verdict_hear(context);
}
