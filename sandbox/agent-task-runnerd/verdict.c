/* What a sandbox says on its control socket: the verdict, which goes on record before anything
 * runs, the end, and what ran inside. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* The service kills what is left at once when nothing may linger; this is if it does not. */
#define LINGER_MIN_SECONDS 1

static union {
    struct task_header header;
    struct task_verdict verdict;
    struct task_digest digest;
    struct task_ended ended;
    struct task_nested nested;
    char bytes[sizeof(struct task_verdict) + TASK_ARGUMENTS_SHOWN];
} message;

static void say(struct sandbox *sandbox, enum task_message type)
{
    const struct task_header header = {.version = TASK_PROTOCOL_VERSION, .type = type};
    if (unix_message_send(sandbox->control,
                          &(struct unix_message){.data = &header, .size = sizeof(header)}) < 0)
        sandboxes_kill(sandbox);
}

/* The client, whose descriptors the sandbox has taken over, is its own affair from now on. */
static void let_client_go(struct sandbox *sandbox)
{
    struct client *client = sandbox->client;
    sandbox->client = NULL;
    if (client == NULL)
        return;
    client->state = CLIENT_QUEUED;
    clients_free(client);
}

void verdict_go(struct sandbox *sandbox)
{
    const struct exec_event *event = &sandbox->event;
    struct sandboxes *sandboxes = &sandbox->runner->sandboxes;
    sandbox->has_run = event->action == TASK_ACTION_SANDBOX;
    sandboxes->executed += sandbox->has_run;
    sandboxes->denied += event->action == TASK_ACTION_DENY;
    sandbox->state = SANDBOX_RUNNING;
    say(sandbox, TASK_GO);
    pool_balance(sandbox->runner);
}

static void record_start(struct sandbox *sandbox)
{
    struct runner *runner = sandbox->runner;
    sandbox->state = SANDBOX_RECORDING;
    sandbox->sequence = audit_record(runner, &sandbox->event, sandbox->arguments);
    if (audit_is_sent(runner, sandbox->sequence))
        verdict_go(sandbox);
}

void verdict_record_end(struct sandbox *sandbox, uint32_t wait_status)
{
    struct exec_event event = {.kind = EXEC_EVENT_END,
                               .uid = sandbox->caller_uid,
                               .pid = sandbox->caller_pid,
                               .action = sandbox->event.action,
                               .tier = sandbox->event.tier,
                               .wait_status = wait_status,
                               .duration_ns = clock_monotonic_ns() - sandbox->started_ns};
    if (!sandbox->has_run)
        return;
    sandbox->has_run = false;
    memcpy(event.id, sandbox->id, sizeof(event.id));
    memcpy(event.rule, sandbox->event.rule, sizeof(event.rule));
    memcpy(event.program, sandbox->event.program, sizeof(event.program));
    audit_record(sandbox->runner, &event, NULL);
}

static bool is_same_file(const struct task_file *one, const struct task_file *other)
{
    return one->device == other->device && one->inode == other->inode && one->size == other->size &&
           one->modified_ns == other->modified_ns && one->changed_ns == other->changed_ns;
}

static const struct digest *find_digest(const struct sandboxes *sandboxes,
                                        const struct task_file *file)
{
    for (size_t i = 0; i < DIGESTS_MAX; i++) {
        if (sandboxes->digests[i].file.inode != 0 &&
            is_same_file(&sandboxes->digests[i].file, file))
            return &sandboxes->digests[i];
    }
    return NULL;
}

static void copy_text(char *to, const char *from, size_t size)
{
    memcpy(to, from, size);
    to[size - 1] = '\0';
}

static void keep_verdict(struct sandbox *sandbox, const struct task_verdict *verdict)
{
    struct exec_event *event = &sandbox->event;
    *event = (struct exec_event){.kind = EXEC_EVENT_START,
                                 .uid = sandbox->caller_uid,
                                 .pid = sandbox->caller_pid,
                                 .action = verdict->action,
                                 .tier = verdict->tier,
                                 .is_observed = verdict->is_observed,
                                 .argument_count = verdict->argument_count,
                                 .arguments_total = verdict->arguments_total,
                                 .arguments_size = verdict->arguments_size};
    memcpy(event->id, sandbox->id, sizeof(event->id));
    memcpy(event->arguments_digest, verdict->arguments_digest, sizeof(event->arguments_digest));
    copy_text(event->rule, verdict->rule, sizeof(event->rule));
    copy_text(event->profile, verdict->profile, sizeof(event->profile));
    copy_text(event->program, verdict->program, sizeof(event->program));
    copy_text(event->directory, verdict->directory, sizeof(event->directory));
    copy_text(event->text, verdict->text, sizeof(event->text));
    memcpy(sandbox->arguments, verdict + 1, verdict->arguments_size);
    sandbox->file = verdict->file;
}

/* Another sandbox has to judge and run it: this one has seen it, and is used up. */
static int redirect_client(struct sandbox *sandbox, const char *profile)
{
    struct client *client = sandbox->client;
    const struct pool *pool = &sandbox->runner->pool;
    if (client == NULL || client->profile != 0)
        return -EPROTO;
    for (uint32_t i = 1; i < pool->profile_count; i++) {
        if (strncmp(pool->profiles[i].name, profile, sizeof(pool->profiles[i].name)) != 0)
            continue;
        sandbox->client = NULL;
        client->state = CLIENT_QUEUED;
        sandboxes_kill(sandbox);
        clients_watch_again(client);
        clients_queue(client, i);
        return 0;
    }
    return -EPROTO;
}

static int on_verdict(struct sandbox *sandbox, size_t size)
{
    const struct task_verdict *verdict = &message.verdict;
    if (size < sizeof(*verdict) || verdict->arguments_size != size - sizeof(*verdict) ||
        verdict->action < TASK_ACTION_SANDBOX || verdict->action > TASK_ACTION_REDIRECT)
        return -EPROTO;
    if (verdict->action == TASK_ACTION_REDIRECT)
        return redirect_client(sandbox, verdict->profile);
    keep_verdict(sandbox, verdict);
    let_client_go(sandbox);
    const struct digest *known = find_digest(&sandbox->runner->sandboxes, &sandbox->file);
    if (sandbox->file.inode != 0 && known == NULL) {
        sandbox->state = SANDBOX_HASHING;
        say(sandbox, TASK_HASH);
        return 0;
    }
    if (known != NULL)
        memcpy(sandbox->event.program_digest, known->digest, sizeof(known->digest));
    record_start(sandbox);
    return 0;
}

static int on_digest(struct sandbox *sandbox, size_t size)
{
    struct sandboxes *sandboxes = &sandbox->runner->sandboxes;
    if (size != sizeof(message.digest))
        return -EPROTO;
    memcpy(sandbox->event.program_digest, message.digest.digest, TASK_DIGEST_SIZE);
    struct digest *row = &sandboxes->digests[sandboxes->digest_next++ % DIGESTS_MAX];
    row->file = sandbox->file;
    memcpy(row->digest, message.digest.digest, TASK_DIGEST_SIZE);
    record_start(sandbox);
    return 0;
}

static int on_ended(struct sandbox *sandbox, size_t size)
{
    uint32_t seconds = sandbox->linger_seconds;
    if (size != sizeof(message.ended))
        return -EPROTO;
    if (sandbox->state == SANDBOX_RUNNING) {
        verdict_record_end(sandbox, message.ended.wait_status);
        sandbox->deadline_ns =
            clock_monotonic_ns() + (seconds < LINGER_MIN_SECONDS ? LINGER_MIN_SECONDS : seconds) *
                                       CLOCK_NANOSECONDS_PER_SECOND;
        runner_expect(sandbox->runner);
    }
    sandbox->state = SANDBOX_LINGERING;
    return 0;
}

static int on_nested(struct sandbox *sandbox, size_t size)
{
    const struct task_nested *nested = &message.nested;
    if (size < sizeof(*nested) || nested->arguments_size != size - sizeof(*nested) ||
        nested->arguments_size > TASK_ARGUMENTS_SHOWN)
        return -EPROTO;
    struct exec_event event = {.kind = EXEC_EVENT_NESTED,
                               .uid = sandbox->caller_uid,
                               .pid = nested->pid,
                               .action = nested->action,
                               .tier = nested->tier,
                               .lost = nested->lost,
                               .argument_count = nested->argument_count,
                               .arguments_total = nested->arguments_size,
                               .arguments_size = nested->arguments_size};
    memcpy(event.id, sandbox->id, sizeof(event.id));
    copy_text(event.rule, nested->rule, sizeof(event.rule));
    copy_text(event.program, nested->program, sizeof(event.program));
    memcpy(event.profile, sandbox->profile_name, sizeof(event.profile));
    audit_record(sandbox->runner, &event, (const char *)(nested + 1));
    return 0;
}

/* clang-format off */
static const struct {
    enum task_message type;
    enum sandbox_state first, last; /* in which it may come */
    int (*hear)(struct sandbox *sandbox, size_t size);
} words[] = {
    {TASK_VERDICT, SANDBOX_JUDGING, SANDBOX_JUDGING,   on_verdict},
    {TASK_DIGEST,  SANDBOX_HASHING, SANDBOX_HASHING,   on_digest},
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

bool verdict_receive(struct sandbox *sandbox)
{
    struct unix_fds fds;
    ssize_t size = unix_message_receive(sandbox->control, &message, sizeof(message), &fds);
    if (size == -EAGAIN)
        return false;
    unix_fds_close(&fds);
    if (size > 0 && sandbox->state == SANDBOX_ENDING)
        return true;
    if (size > 0 && hear(sandbox, (size_t)size) == 0)
        return true;
    /* It is gone, or says what it may not: its end is told by its pidfd. */
    event_loop_remove(&sandbox->runner->gated, sandbox->control_source);
    cleanup_close(&sandbox->control);
    sandboxes_kill(sandbox);
    return false;
}

void verdict_on_control(void *context, uint32_t events)
{
    (void)events;
    (void)verdict_receive(context);
}
