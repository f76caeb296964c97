/* The table of sandboxes: what the service made, what runs in them, how they end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* The connection, the block, the directory, three streams. */
#define START_FDS_MAX 6

struct sandbox *sandboxes_next(struct runner *runner, const struct sandbox *sandbox,
                               enum sandbox_state first, enum sandbox_state last)
{
    struct sandbox *rows = runner->sandboxes;
    size_t i = sandbox == NULL ? 0 : (size_t)(sandbox - rows) + 1;
    for (; i < runner->sandbox_end; i++) {
        if (rows[i].state >= first && rows[i].state <= last)
            return &rows[i];
    }
    return NULL;
}

struct sandbox *sandboxes_take(struct runner *runner, uint32_t profile)
{
    struct sandbox *sandbox = sandboxes_next(runner, NULL, SANDBOX_FREE, SANDBOX_FREE);
    if (sandbox == NULL && runner->sandbox_end < SANDBOXES_MAX)
        sandbox = &runner->sandboxes[runner->sandbox_end++];
    const struct task_profile *row = &runner->pool.policy.profiles[profile];
    if (sandbox == NULL)
        return NULL;
    sandbox->runner = runner;
    sandbox->state = SANDBOX_MAKING;
    sandbox->profile = profile;
    sandbox->linger_seconds = row->linger_seconds;
    sandbox->control = sandbox->end = sandbox->caller = WATCH_NONE;
    sandbox->client = NULL;
    sandbox->has_run = false;
    sandbox->event.action = 0;
    sandbox->row =
        (struct task_row){.header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_ROW}};
    memcpy(sandbox->row.profile, row->name, sizeof(sandbox->row.profile));
    snprintf(sandbox->row.id, sizeof(sandbox->row.id), "t%llu",
             (unsigned long long)++runner->sandbox_count);
    return sandbox;
}

struct sandbox *sandboxes_find(struct runner *runner, const char *id)
{
    struct sandbox *sandbox = NULL;
    while ((sandbox = sandboxes_next(runner, sandbox, SANDBOX_MAKING, SANDBOX_ENDING)) != NULL &&
           strcmp(sandbox->row.id, id) != 0)
        continue;
    return sandbox;
}

size_t sandboxes_count(struct runner *runner, uid_t uid, enum sandbox_state first,
                       enum sandbox_state last)
{
    struct sandbox *sandbox = NULL;
    size_t count = 0;
    while ((sandbox = sandboxes_next(runner, sandbox, first, last)) != NULL)
        count += uid == EVERY_UID || sandbox->row.caller_uid == uid;
    return count;
}

void sandboxes_free(struct sandbox *sandbox)
{
    size_t *end = &sandbox->runner->sandbox_end;
    if (sandbox->client != NULL)
        clients_refuse(sandbox->client, ECONNRESET, "the sandbox was ended from outside");
    watch_close(&sandbox->control);
    watch_close(&sandbox->end);
    watch_close(&sandbox->caller);
    sandbox->client = NULL;
    sandbox->state = SANDBOX_FREE;
    while (*end > 0 && sandbox->runner->sandboxes[*end - 1].state == SANDBOX_FREE)
        --*end;
}

void sandboxes_kill(struct sandbox *sandbox)
{
    if (sandbox->state < SANDBOX_WARM || sandbox->state == SANDBOX_ENDING)
        return;
    /* Its pid namespace goes with it. */
    (void)sys_pidfd_send_signal(sandbox->end.fd, SIGKILL, 0);
    if (sandbox->state != SANDBOX_RUNNING)
        sandbox->state = SANDBOX_ENDING;
}

int sandboxes_stop(const struct sandbox *sandbox)
{
    struct task_header stop;
    return message_send(sandbox->control.fd, TASK_STOP, &stop, sizeof(stop), -1);
}

/* What it said before its end counts: a command that ended was not killed. Heard one by one, for
 * each may need room on record; as long as there are, we are called again. */
static void on_init_end(void *context, uint32_t events)
{
    struct sandbox *sandbox = context;
    struct runner *runner = sandbox->runner;
    (void)events;
    if (verdict_hear(sandbox))
        return;
    if (sandbox->event.action == TASK_ACTION_ASK)
        verdict_deny(sandbox, "it ended before anybody answered");
    verdict_record_end(sandbox, SIGKILL);
    sandboxes_free(sandbox);
    pool_balance(runner);
}

int sandboxes_on_made(struct sandbox *sandbox, const struct task_made *made, struct unix_fds *fds)
{
    struct runner *runner = sandbox->runner;
    int result = watch_begin(&sandbox->control, &runner->gated, unix_fds_take(fds, 0),
                             verdict_on_control, sandbox);
    if (result == 0)
        result =
            watch_begin(&sandbox->end, &runner->gated, unix_fds_take(fds, 1), on_init_end, sandbox);
    if (result < 0)
        return result;
    sandbox->row.init_pid = made->pid;
    sandbox->generation = made->generation;
    sandbox->state = SANDBOX_WARM;
    return 0;
}

/* A command whose end is told was not waited for in vain: what it left lingers, and nobody looks
 * for the caller's end any more. */
static void on_caller_end(void *context, uint32_t events)
{
    struct sandbox *sandbox = context;
    (void)events;
    if (verdict_hear(sandbox))
        return;
    watch_close(&sandbox->caller);
    sandboxes_kill(sandbox);
}

static int watch_caller(struct sandbox *sandbox, struct client *client)
{
    struct task_row *row = &sandbox->row;
    row->caller_pid = client->pid;
    row->caller_uid = client->uid;
    row->is_detached = (client->start.run.flags & TASK_RUN_DETACHED) != 0;
    row->started_realtime_ns = clock_realtime_ns();
    if (row->is_detached != 0)
        return 0;
    return watch_begin(&sandbox->caller, &sandbox->runner->gated, steal_fd(&client->pidfd),
                       on_caller_end, sandbox);
}

static int send_start(struct sandbox *sandbox, struct client *client)
{
    struct task_start *start = &client->start;
    int fds[START_FDS_MAX] = {client->connection.fd};
    const struct unix_message message = {
        .data = start, .size = sizeof(*start), .fds = fds, .fd_count = 1 + client->fds.count};
    start->header = (struct task_header){.version = TASK_PROTOCOL_VERSION, .type = TASK_START};
    if (client->profile != 0)
        memcpy(start->profile, sandbox->row.profile, sizeof(start->profile));
    memcpy(fds + 1, client->fds.fds, client->fds.count * sizeof(int));
    return unix_message_send(sandbox->control.fd, &message);
}

/* One that could not be confined has said why, perhaps, before it ended. */
static void give_back(struct sandbox *sandbox, struct client *client, int error)
{
    sandbox->client = client;
    (void)verdict_hear(sandbox);
    if (sandbox->client != NULL)
        clients_refuse(client, error, "the command could not be handed to a sandbox");
    sandbox->client = NULL;
    sandboxes_kill(sandbox);
}

void sandboxes_start(struct sandbox *sandbox, struct client *client)
{
    int result = watch_caller(sandbox, client);
    if (result == 0)
        result = send_start(sandbox, client);
    if (result < 0) {
        give_back(sandbox, client, -result);
        return;
    }
    watch_stop(&client->connection);
    client->state = CLIENT_HANDED;
    sandbox->client = client;
    sandbox->state = SANDBOX_JUDGING;
}

void sandboxes_on_recorded(struct runner *runner)
{
    struct sandbox *sandbox = NULL;
    while ((sandbox = sandboxes_next(runner, sandbox, SANDBOX_RECORDING, SANDBOX_RECORDING)) !=
           NULL) {
        if (sandbox->sequence <= runner->audit.sent)
            verdict_go(sandbox);
    }
}

/* Why nobody will answer what SANDBOX asks any more; NULL: somebody may. */
static const char *find_silence(const struct sandbox *sandbox, uint64_t now_ns)
{
    const struct runner *runner = sandbox->runner;
    if (runner->is_stopping)
        return "the session ends";
    if (!runner->audit.is_open && sandbox->sequence <= runner->audit.sent)
        return "nobody can be asked, as the session's keeper is gone";
    return sandbox->deadline_ns > now_ns ? NULL : "nobody answered in time";
}

void sandboxes_on_tick(struct runner *runner, uint64_t now_ns)
{
    struct sandbox *sandbox = NULL;
    while ((sandbox = sandboxes_next(runner, sandbox, SANDBOX_ASKING, SANDBOX_LINGERING)) != NULL) {
        const char *why = find_silence(sandbox, now_ns);
        if (sandbox->state == SANDBOX_RUNNING)
            continue;
        runner_expect(runner);
        if (sandbox->state == SANDBOX_ASKING && why != NULL)
            verdict_deny(sandbox, why);
        else if (sandbox->state == SANDBOX_LINGERING && sandbox->deadline_ns <= now_ns)
            sandboxes_kill(sandbox);
    }
}
