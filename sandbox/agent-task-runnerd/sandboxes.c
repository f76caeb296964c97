/* The table of sandboxes: what the service made, what runs in them, how they end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* The connection, the block, the directory, three streams. */
#define START_FDS_MAX 6

struct sandbox *sandboxes_take(struct runner *runner, uint32_t profile)
{
    struct sandboxes *sandboxes = &runner->sandboxes;
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        struct sandbox *sandbox = &sandboxes->rows[i];
        if (sandbox->state != SANDBOX_FREE)
            continue;
        const struct task_profile *row = &runner->pool.profiles[profile];
        sandbox->runner = runner;
        sandbox->state = SANDBOX_MAKING;
        sandbox->profile = profile;
        sandbox->linger_seconds = row->linger_seconds;
        sandbox->control = sandbox->pidfd = sandbox->caller_pidfd = -1;
        sandbox->log = sandbox->log_pipe = -1;
        sandbox->client = NULL;
        sandbox->has_run = sandbox->is_detached = false;
        sandbox->deadline_ns = 0;
        memcpy(sandbox->profile_name, row->name, sizeof(sandbox->profile_name));
        snprintf(sandbox->id, sizeof(sandbox->id), "t%llu", (unsigned long long)++sandboxes->count);
        return sandbox;
    }
    return NULL;
}

struct sandbox *sandboxes_find(struct runner *runner, const char *id)
{
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        struct sandbox *sandbox = &runner->sandboxes.rows[i];
        if (sandbox->state != SANDBOX_FREE && strcmp(sandbox->id, id) == 0)
            return sandbox;
    }
    return NULL;
}

size_t sandboxes_count(const struct runner *runner, enum sandbox_state state, uint32_t profile)
{
    size_t count = 0;
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        const struct sandbox *sandbox = &runner->sandboxes.rows[i];
        count += sandbox->state == state && sandbox->profile == profile;
    }
    return count;
}

static void close_source(struct event_loop *loop, int *fd, int source)
{
    if (*fd >= 0)
        event_loop_remove(loop, source);
    cleanup_close(fd);
}

void sandboxes_free(struct sandbox *sandbox)
{
    struct runner *runner = sandbox->runner;
    struct client *client = sandbox->client;
    sandbox->client = NULL;
    if (client != NULL) {
        client->state = CLIENT_QUEUED; /* nobody's any more */
        clients_refuse(client, ECONNRESET, "the sandbox was ended from outside");
    }
    close_source(&runner->gated, &sandbox->control, sandbox->control_source);
    close_source(&runner->gated, &sandbox->pidfd, sandbox->pid_source);
    close_source(&runner->loop, &sandbox->caller_pidfd, sandbox->caller_source);
    log_close(sandbox);
    sandbox->state = SANDBOX_FREE;
}

void sandboxes_kill(struct sandbox *sandbox)
{
    if (sandbox->state < SANDBOX_WARM || sandbox->state == SANDBOX_ENDING)
        return;
    /* Its pid namespace goes with it. */
    (void)sys_pidfd_send_signal(sandbox->pidfd, SIGKILL, 0);
    if (sandbox->state != SANDBOX_RUNNING)
        sandbox->state = SANDBOX_ENDING;
}

void sandboxes_stop(struct runner *runner)
{
    const struct task_header header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_STOP};
    const struct unix_message message = {.data = &header, .size = sizeof(header)};
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        const struct sandbox *sandbox = &runner->sandboxes.rows[i];
        if (sandbox->state == SANDBOX_RUNNING || sandbox->state == SANDBOX_LINGERING)
            (void)unix_message_send(sandbox->control, &message); /* its end is told, too */
    }
}

bool sandboxes_are_idle(const struct runner *runner)
{
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        if (runner->sandboxes.rows[i].state > SANDBOX_WARM)
            return false;
    }
    return true;
}

/* What it said before its end counts: a command that ended was not killed. */
static void on_init_end(void *context, uint32_t events)
{
    struct sandbox *sandbox = context;
    struct runner *runner = sandbox->runner;
    (void)events;
    while (sandbox->control >= 0 && verdict_receive(sandbox))
        continue;
    verdict_record_end(sandbox, SIGKILL);
    sandboxes_free(sandbox);
    pool_balance(runner);
}

int sandboxes_on_made(struct sandbox *sandbox, const struct task_made *made, struct unix_fds *fds)
{
    struct runner *runner = sandbox->runner;
    cleanup_fd int control = unix_fds_take(fds, 0);
    cleanup_fd int pidfd = unix_fds_take(fds, 1);
    int source = event_loop_add(&runner->gated, control, EPOLLIN, verdict_on_control, sandbox);
    if (source < 0)
        return source;
    int pid_source = event_loop_add(&runner->gated, pidfd, EPOLLIN, on_init_end, sandbox);
    if (pid_source < 0) {
        event_loop_remove(&runner->gated, source);
        return pid_source;
    }
    sandbox->control_source = source;
    sandbox->pid_source = pid_source;
    sandbox->control = steal_fd(&control);
    sandbox->pidfd = steal_fd(&pidfd);
    sandbox->pid = made->pid;
    sandbox->generation = made->generation;
    sandbox->state = SANDBOX_WARM;
    if (made->generation != runner->pool.generation)
        sandboxes_kill(sandbox);
    return 0;
}

/* A command whose end is told was not waited for in vain: what it left lingers. */
static void on_caller_end(void *context, uint32_t events)
{
    struct sandbox *sandbox = context;
    (void)events;
    close_source(&sandbox->runner->loop, &sandbox->caller_pidfd, sandbox->caller_source);
    while (sandbox->control >= 0 && verdict_receive(sandbox))
        continue;
    if (sandbox->state != SANDBOX_LINGERING)
        sandboxes_kill(sandbox);
}

static int watch_caller(struct sandbox *sandbox, struct client *client)
{
    struct runner *runner = sandbox->runner;
    sandbox->caller_pid = client->pid;
    sandbox->caller_uid = client->uid;
    sandbox->is_detached = (client->run.flags & TASK_RUN_DETACHED) != 0;
    if (sandbox->is_detached)
        return 0;
    int pidfd = fcntl(client->pidfd, F_DUPFD_CLOEXEC, 0);
    if (pidfd < 0)
        return -errno;
    int source = event_loop_add(&runner->loop, pidfd, EPOLLIN, on_caller_end, sandbox);
    if (source < 0) {
        close(pidfd);
        return source;
    }
    sandbox->caller_pidfd = pidfd;
    sandbox->caller_source = source;
    return 0;
}

/* Nobody waits for a detached command: it reads nothing, and a log takes what it says. */
static int detach_streams(struct sandbox *sandbox, struct client *client)
{
    int output = -1;
    while (client->fds.count > 2)
        close(client->fds.fds[--client->fds.count]);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int result = null < 0 ? -errno : log_open(sandbox, &output);
    int errors = result < 0 ? -1 : fcntl(output, F_DUPFD_CLOEXEC, 0);
    const int streams[] = {null, output, errors};
    client->run.stream_mask = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
        if (streams[i] < 0)
            continue;
        client->fds.fds[client->fds.count++] = streams[i];
        client->run.stream_mask |= 1u << i;
    }
    return result;
}

static int send_start(struct sandbox *sandbox, const struct client *client)
{
    static struct task_start start;
    int fds[START_FDS_MAX] = {client->connection};
    start = (struct task_start){.header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_START},
                                .run = client->run};
    if (client->profile != 0)
        memcpy(start.profile, sandbox->profile_name, sizeof(start.profile));
    memcpy(start.program, client->program, sizeof(start.program));
    memcpy(fds + 1, client->fds.fds, client->fds.count * sizeof(int));
    return unix_message_send(
        sandbox->control,
        &(struct unix_message){
            .data = &start, .size = sizeof(start), .fds = fds, .fd_count = 1 + client->fds.count});
}

void sandboxes_start(struct sandbox *sandbox, struct client *client)
{
    int result = watch_caller(sandbox, client);
    if (result == 0 && sandbox->is_detached)
        result = detach_streams(sandbox, client);
    if (result == 0)
        result = send_start(sandbox, client);
    sandbox->started_realtime_ns = clock_realtime_ns();
    sandbox->started_ns = clock_monotonic_ns();
    sandbox->event = (struct exec_event){.kind = EXEC_EVENT_START};
    if (result < 0) {
        clients_refuse(client, -result, "the command could not be handed to a sandbox");
        sandboxes_kill(sandbox);
        return;
    }
    if (client->source >= 0)
        event_loop_remove(&sandbox->runner->loop, client->source);
    client->source = -1;
    client->state = CLIENT_HANDED;
    sandbox->client = client;
    sandbox->state = SANDBOX_JUDGING;
}

void sandboxes_on_client_gone(const struct client *client)
{
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        struct sandbox *sandbox = &client->runner->sandboxes.rows[i];
        if (sandbox->state != SANDBOX_FREE && sandbox->client == client)
            sandbox->client = NULL;
    }
}

void sandboxes_on_recorded(struct runner *runner)
{
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        struct sandbox *sandbox = &runner->sandboxes.rows[i];
        if (sandbox->state == SANDBOX_RECORDING && audit_is_sent(runner, sandbox->sequence))
            verdict_go(sandbox);
    }
}

void sandboxes_on_tick(struct runner *runner, uint64_t now_ns)
{
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        struct sandbox *sandbox = &runner->sandboxes.rows[i];
        if (sandbox->state != SANDBOX_LINGERING)
            continue;
        if (sandbox->deadline_ns > now_ns)
            runner_expect(runner);
        else
            sandboxes_kill(sandbox);
    }
}
