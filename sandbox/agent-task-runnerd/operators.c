/* What clients ask about commands: rows, signals, logs, counts; and what root tells. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"

static int send_reply(struct client *client, const void *reply, size_t size, int fd)
{
    const struct unix_message message = {
        .data = reply, .size = size, .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};
    return unix_message_send(client->connection, &message);
}

static void answer_with(struct client *client, int fd)
{
    const struct task_reply reply = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_END}};
    (void)send_reply(client, &reply, sizeof(reply), fd);
    clients_free(client);
}

void operator_answer(struct client *client, int error, const char *text)
{
    if (error != 0)
        clients_refuse(client, error, text);
    else
        answer_with(client, -1);
}

/* Root sees everything, everybody else what was started for them. */
static bool may_see(const struct client *client, const struct sandbox *sandbox)
{
    return sandbox->state > SANDBOX_MAKING &&
           (client->uid == 0 ||
            (sandbox->state != SANDBOX_WARM && sandbox->caller_uid == client->uid));
}

static uint32_t state_of(const struct sandbox *sandbox)
{
    switch (sandbox->state) {
    case SANDBOX_WARM:
        return TASK_STATE_WARM;
    case SANDBOX_JUDGING:
    case SANDBOX_HASHING:
    case SANDBOX_RECORDING:
        return TASK_STATE_STARTING;
    case SANDBOX_RUNNING:
        return TASK_STATE_RUNNING;
    case SANDBOX_FREE:
    case SANDBOX_MAKING:
    case SANDBOX_LINGERING:
    case SANDBOX_ENDING:
    case SANDBOX_STATE_COUNT:
        break;
    }
    return TASK_STATE_LINGERING;
}

static void describe(const struct sandbox *sandbox, struct task_row *row)
{
    const struct exec_event *event = &sandbox->event;
    *row = (struct task_row){.header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_ROW},
                             .state = state_of(sandbox),
                             .init_pid = sandbox->pid};
    memcpy(row->id, sandbox->id, sizeof(row->id));
    memcpy(row->profile, sandbox->profile_name, sizeof(row->profile));
    if (sandbox->state == SANDBOX_WARM)
        return;
    row->caller_pid = sandbox->caller_pid;
    row->caller_uid = sandbox->caller_uid;
    row->is_detached = sandbox->is_detached;
    row->argument_count = event->argument_count;
    row->started_realtime_ns = sandbox->started_realtime_ns;
    row->arguments_size = event->arguments_size < sizeof(row->arguments)
                              ? event->arguments_size
                              : (uint32_t)sizeof(row->arguments);
    memcpy(row->rule, event->rule, sizeof(row->rule));
    memcpy(row->arguments, sandbox->arguments, row->arguments_size);
}

/* As many rows as the client's socket takes; the others when it has room. */
void operator_continue(struct client *client)
{
    static struct task_row row;
    const struct sandboxes *sandboxes = &client->runner->sandboxes;
    if (client->state != CLIENT_LISTING)
        return;
    for (; client->cursor < SANDBOXES_MAX; client->cursor++) {
        const struct sandbox *sandbox = &sandboxes->rows[client->cursor];
        if (!may_see(client, sandbox))
            continue;
        describe(sandbox, &row);
        int result = send_reply(client, &row, sizeof(row), -1);
        if (result == -EAGAIN)
            return;
        if (result < 0) {
            clients_free(client);
            return;
        }
    }
    answer_with(client, -1);
}

static void serve_list(struct client *client, const struct task_request *request)
{
    (void)request;
    client->state = CLIENT_LISTING;
    client->cursor = 0;
    event_loop_modify(&client->runner->loop, client->source, EPOLLOUT);
}

static struct sandbox *find_seen(struct client *client, const struct task_request *request)
{
    struct sandbox *sandbox = sandboxes_find(client->runner, request->id);
    return sandbox != NULL && may_see(client, sandbox) ? sandbox : NULL;
}

static void serve_kill(struct client *client, const struct task_request *request)
{
    struct sandbox *sandbox = find_seen(client, request);
    if (sandbox == NULL || sandbox->state == SANDBOX_WARM) {
        clients_refuse(client, ESRCH, "there is no such task");
        return;
    }
    int result = 0;
    if (request->signal == 0) {
        sandboxes_kill(sandbox);
    } else {
        const struct task_signal message = {
            .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_SIGNAL},
            .signal = request->signal};
        result = unix_message_send(
            sandbox->control, &(struct unix_message){.data = &message, .size = sizeof(message)});
    }
    operator_answer(client, -result, "the signal could not be sent");
}

static void serve_logs(struct client *client, const struct task_request *request)
{
    struct sandbox *sandbox = find_seen(client, request);
    cleanup_fd int fd = sandbox == NULL ? -ESRCH : log_share(sandbox);
    if (fd < 0)
        clients_refuse(client, -fd, "there is no such task, or it keeps no log");
    else
        answer_with(client, fd);
}

static void serve_status(struct client *client, const struct task_request *request)
{
    const struct runner *runner = client->runner;
    const struct sandboxes *sandboxes = &runner->sandboxes;
    struct task_status_row row = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_STATUS_ROW},
        .runner_pid = getpid(),
        .generation = runner->pool.generation,
        .is_observing = runner->pool.is_observing,
        .has_listener = runner->calls.listener >= 0,
        .executed = sandboxes->executed,
        .denied = sandboxes->denied,
        .direct = runner->direct,
        .refused = runner->refused,
        .started_monotonic_ns = runner->started_ns,
    };
    (void)request;
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        enum sandbox_state state = sandboxes->rows[i].state;
        row.warm += state == SANDBOX_WARM;
        row.running += state > SANDBOX_WARM && state <= SANDBOX_RUNNING;
        row.lingering += state > SANDBOX_RUNNING;
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        row.waiting += runner->clients.rows[i].state == CLIENT_QUEUED;
    (void)send_reply(client, &row, sizeof(row), -1);
    answer_with(client, -1);
}

static void serve_reload(struct client *client, const struct task_request *request)
{
    (void)request;
    int result = pool_reload(client->runner);
    if (result < 0) {
        clients_refuse(client, -result, "the sandbox service cannot be asked");
        return;
    }
    client->state = CLIENT_RELOADING;
    client->deadline_ns =
        clock_monotonic_ns() + QUEUE_PATIENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
}

/* In PID 1's hands first: from then on no crash of ours loses it. */
static void serve_listener(struct client *client, const struct task_request *request)
{
    struct runner *runner = client->runner;
    cleanup_fd int listener = unix_fds_take(&client->fds, 0);
    (void)request;
    if (runner->calls.listener >= 0) {
        clients_refuse(client, EBUSY, "there is a listener already");
        return;
    }
    int result = service_keep_listener(runner, listener);
    if (result == 0)
        result = listener_adopt(runner, listener);
    if (result == 0)
        steal_fd(&listener);
    operator_answer(client, -result, "the listener could not be kept");
}

/* clang-format off */
static const struct {
    enum task_message type;
    bool is_for_root;
    void (*serve)(struct client *client, const struct task_request *request);
} services[] = {
    {TASK_LIST,     false, serve_list},
    {TASK_KILL,     false, serve_kill},
    {TASK_LOGS,     false, serve_logs},
    {TASK_STATUS,   false, serve_status},
    {TASK_RELOAD,   true,  serve_reload},
    {TASK_LISTENER, true,  serve_listener},
};
/* clang-format on */

void operator_serve(struct client *client, const struct task_request *request)
{
    for (size_t i = 0; i < ARRAY_LENGTH(services); i++) {
        if (request->header.type != services[i].type)
            continue;
        if (services[i].is_for_root && client->uid != 0)
            clients_refuse(client, EPERM, "this is root's to ask");
        else
            services[i].serve(client, request);
        return;
    }
    clients_refuse(client, EPROTO, "not a request");
}
