/* What a sandbox says on its control socket: the verdict, which goes on record before anything
 * runs, the end, and what ran inside. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "sandbox/agent-task-runnerd/runner.h"
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
    struct task_status_row *status = &sandbox->runner->status;
    struct task_header go;
    status->executed += sandbox->has_run;
    status->denied += sandbox->event.action == TASK_ACTION_DENY;
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
    event.duration_ns = clock_monotonic_ns() - sandbox->started_ns;
    event.arguments_size = 0;
    audit_record(sandbox->runner, &event, NULL);
}

/* It goes on record as the sandbox says, but for what the runner knows itself. */
static void keep_verdict(struct sandbox *sandbox, const struct task_verdict *verdict)
{
    struct exec_event *event = &sandbox->event;
    struct task_row *row = &sandbox->row;
    *event = verdict->event;
    event->kind = EXEC_EVENT_START;
    event->uid = row->caller_uid;
    event->pid = row->caller_pid;
    memcpy(event->id, row->id, sizeof(event->id));
    row->argument_count = event->argument_count;
    row->arguments_size = event->arguments_size < sizeof(row->arguments)
                              ? event->arguments_size
                              : (uint32_t)sizeof(row->arguments);
    memcpy(row->arguments, verdict + 1, row->arguments_size);
    memcpy(row->rule, event->rule, sizeof(row->rule));
}

/* Another sandbox has to judge and run it: this one has seen it, and is used up. */
static int redirect_client(struct sandbox *sandbox, const char *profile)
{
    struct client *client = sandbox->client;
    const struct task_configuration *policy = &sandbox->runner->pool.policy;
    if (client == NULL || client->profile != 0)
        return -EPROTO;
    for (uint32_t i = 1; i < policy->profile_count; i++) {
        if (strcmp(policy->profiles[i].name, profile) != 0)
            continue;
        sandbox->client = NULL;
        watch_stop(&sandbox->caller);
        if (sandbox->caller.fd >= 0)
            client->pidfd = steal_fd(&sandbox->caller.fd);
        sandboxes_kill(sandbox);
        clients_queue(client, i);
        return 0;
    }
    return -EPROTO;
}

static int on_verdict(struct sandbox *sandbox, size_t size)
{
    const struct task_verdict *verdict = &message.verdict;
    if (verdict_check(&message.verdict, size) < 0)
        return -EPROTO;
    if (verdict->event.action == TASK_ACTION_REDIRECT)
        return redirect_client(sandbox, verdict->event.profile);
    keep_verdict(sandbox, verdict);
    struct client *client = sandbox->client;
    sandbox->client = NULL;
    sandbox->has_run = sandbox->event.action == TASK_ACTION_SANDBOX;
    sandbox->state = SANDBOX_RECORDING;
    sandbox->sequence = audit_record(sandbox->runner, &sandbox->event, (const char *)(verdict + 1));
    if (sandbox->sequence <= sandbox->runner->audit.sent)
        verdict_go(sandbox);
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
    if (nested_check(&message.nested, size) < 0)
        return -EPROTO;
    struct exec_event event = {.kind = EXEC_EVENT_NESTED,
                               .uid = sandbox->row.caller_uid,
                               .pid = nested->pid,
                               .action = nested->action,
                               .tier = nested->tier,
                               .lost = nested->lost,
                               .argument_count = nested->argument_count,
                               .arguments_total = nested->arguments_size,
                               .arguments_size = nested->arguments_size};
    memcpy(event.id, sandbox->row.id, sizeof(event.id));
    memcpy(event.rule, nested->rule, sizeof(event.rule));
    memcpy(event.program, nested->program, sizeof(event.program));
    memcpy(event.profile, sandbox->row.profile, sizeof(event.profile));
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
