/* What clients ask about commands: rows, signals, logs, counts; and what root tells. */
#include <errno.h>
#include <sys/mman.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* clang-format off */
static const uint32_t shown_states[SANDBOX_STATE_COUNT] = {
    [SANDBOX_WARM]      = TASK_STATE_WARM,
    [SANDBOX_JUDGING]   = TASK_STATE_STARTING,
    [SANDBOX_RECORDING] = TASK_STATE_STARTING,
    [SANDBOX_ASKING]    = TASK_STATE_ASKING,
    [SANDBOX_RUNNING]   = TASK_STATE_RUNNING,
    [SANDBOX_LINGERING] = TASK_STATE_LINGERING,
    [SANDBOX_ENDING]    = TASK_STATE_LINGERING,
};
/* clang-format on */

/*
 * Root sees everything, everybody else what was started for them, and a command what was started
 * for the agent as well: whatever runs in a sandbox is of the commands' own identity, and one
 * agent's. What root started is not theirs.
 */
static bool may_see(const struct client *client, const struct sandbox *sandbox)
{
    uid_t owner = sandbox->row.caller_uid;
    bool is_commands = client->uid == client->runner->command_uid && owner != 0;
    return shown_states[sandbox->state] != 0 &&
           (client->uid == 0 ||
            (sandbox->state != SANDBOX_WARM && (is_commands || owner == client->uid)));
}

/* They may be more than a socket holds. */
static void serve_list(struct client *client, const struct task_request *request)
{
    cleanup_fd int rows = memfd_create("rows", MFD_CLOEXEC);
    int result = rows < 0 ? -errno : 0;
    (void)request;
    for (size_t i = 0; i < SANDBOXES_MAX && result == 0; i++) {
        struct sandbox *sandbox = &client->runner->sandboxes[i];
        if (!may_see(client, sandbox))
            continue;
        sandbox->row.state = shown_states[sandbox->state];
        result = fd_write_all(rows, &sandbox->row, sizeof(sandbox->row));
    }
    clients_answer(client, result, "the list could not be written", rows);
}

/* The one that REQUEST names, when it serves a command that CLIENT may see; NULL. */
static struct sandbox *find_task(struct client *client, const struct task_request *request)
{
    struct sandbox *sandbox = sandboxes_find(client->runner, request->id);
    return sandbox != NULL && sandbox->state > SANDBOX_WARM && may_see(client, sandbox) ? sandbox
                                                                                        : NULL;
}

static void serve_kill(struct client *client, const struct task_request *request)
{
    struct sandbox *sandbox = find_task(client, request);
    struct task_signal message = {.signal = request->signal};
    int result = sandbox == NULL ? -ESRCH : 0;
    if (result == 0 && request->signal == 0)
        sandboxes_kill(sandbox);
    else if (result == 0)
        result = message_send(sandbox->control.fd, TASK_SIGNAL, &message, sizeof(message), -1);
    clients_answer(client, result, "there is no such task, or it cannot be told", -1);
}

/* The sandbox keeps it, and answers itself. */
static void serve_logs(struct client *client, const struct task_request *request)
{
    struct sandbox *sandbox = find_task(client, request);
    struct task_header message;
    if (sandbox == NULL || sandbox->row.is_detached == 0 ||
        message_send(sandbox->control.fd, TASK_LOGS, &message, sizeof(message),
                     client->connection.fd) < 0)
        clients_refuse(client, ESRCH, "there is no such task, or it keeps no log");
    else
        clients_free(client);
}

static void serve_status(struct client *client, const struct task_request *request)
{
    const struct runner *runner = client->runner;
    struct task_status_row row = runner->status;
    (void)request;
    row.generation = runner->pool.policy.generation;
    row.is_observing = runner->pool.policy.is_observing;
    row.has_listener = runner->calls.listener.fd >= 0;
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        uint32_t state = shown_states[runner->sandboxes[i].state];
        row.warm += state == TASK_STATE_WARM;
        row.running += state == TASK_STATE_STARTING || state == TASK_STATE_RUNNING;
        row.lingering += state == TASK_STATE_LINGERING;
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        row.waiting += runner->clients.rows[i].state == CLIENT_QUEUED;
    (void)message_send(client->connection.fd, TASK_STATUS_ROW, &row, sizeof(row), -1);
    clients_answer(client, 0, "", -1);
}

/* The service answers itself, once we have been told what changed. */
static void serve_reload(struct client *client, const struct task_request *request)
{
    (void)request;
    int result = pool_ask(&client->runner->pool, TASK_RELOAD, client->connection.fd);
    if (result < 0)
        clients_refuse(client, -result, "the sandbox service cannot be asked");
    else
        clients_free(client);
}

/* In PID 1's hands first: from then on no crash of ours loses it. */
static void serve_listener(struct client *client, const struct task_request *request)
{
    struct runner *runner = client->runner;
    (void)request;
    if (runner->untraceable.number != 0) {
        clients_refuse(client, EPERM, error_text(&runner->untraceable));
        return;
    }
    int result = runner->calls.listener.fd >= 0 ? -EBUSY : 0;
    if (result == 0)
        result = notice_tell(runner->notify, INIT_NOTICE_STORE, client->fds.fds[0]);
    if (result == 0)
        result = listener_adopt(runner, unix_fds_take(&client->fds, 0));
    clients_answer(client, result, "there is a listener already, or it could not be kept", -1);
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
