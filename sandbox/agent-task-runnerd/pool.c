/* The sandbox service: what it is configured with, and the warm sandboxes it makes. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/unix_socket.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/configuration.h"

union message {
    struct task_header header;
    struct task_made made;
    struct task_reply reply;
};

/* What it made lives on; what it was asked for is asked of the next one. */
static void lose_service(struct runner *runner)
{
    struct sandbox *sandbox;
    watch_close(&runner->pool.service);
    while ((sandbox = sandboxes_next(runner, NULL, SANDBOX_MAKING, SANDBOX_MAKING)) != NULL)
        sandboxes_free(sandbox);
    event_loop_set_timer(&runner->loop, TIMER_RECONNECT, runner_deadline(runner, RECONNECT_MS),
                         pool_connect, runner);
}

int pool_ask(const struct pool *pool, enum task_message type, int fd)
{
    struct task_request request = {.pid = getpid()};
    return message_send(pool->service.fd, type, &request, sizeof(request), fd);
}

/* All of it at once, in a file in memory. */
static int on_configuration(struct runner *runner, union message *message, struct unix_fds *fds)
{
    static struct task_configuration coming;
    struct pool *pool = &runner->pool;
    bool is_first = !pool->is_configured;
    (void)message;
    if (fds->count != 1 || pread(fds->fds[0], &coming, sizeof(coming), 0) != sizeof(coming) ||
        configuration_check(&coming) < 0)
        return -EPROTO;
    pool->policy = coming;
    pool->is_configured = true;
    if (is_first)
        runner_begin(runner);
    clients_on_configured(runner);
    return 0;
}

static int on_made(struct runner *runner, union message *message, struct unix_fds *fds)
{
    message->made.id[TASK_ID_SIZE - 1] = '\0';
    struct sandbox *sandbox = sandboxes_find(runner, message->made.id);
    if (sandbox == NULL || sandbox->state != SANDBOX_MAKING || fds->count != 2)
        return -EPROTO;
    if (sandboxes_on_made(sandbox, &message->made, fds) < 0)
        sandboxes_free(sandbox);
    return 0;
}

/* A denial, now, with its cause. */
void pool_fail(struct sandbox *sandbox, int error, const char *text)
{
    struct runner *runner = sandbox->runner;
    size_t count;
    struct client *client =
        sandbox->client != NULL ? sandbox->client : clients_next(runner, sandbox->profile, &count);
    sandbox->client = NULL;
    if (client != NULL)
        clients_refuse(client, error, text);
    runner->pool.retry_ns = runner_deadline(runner, RECONNECT_MS);
}

static int on_error(struct runner *runner, union message *message, struct unix_fds *fds)
{
    struct task_reply *reply = &message->reply;
    (void)fds;
    reply->id[TASK_ID_SIZE - 1] = '\0';
    reply->text[TASK_TEXT_SIZE - 1] = '\0';
    struct sandbox *sandbox = sandboxes_find(runner, reply->id);
    if (sandbox == NULL || sandbox->state != SANDBOX_MAKING)
        return -EPROTO;
    pool_fail(sandbox, (int)reply->code, reply->text);
    sandboxes_free(sandbox);
    return 0;
}

/* clang-format off */
static const struct {
    enum task_message type;
    size_t size;
    int (*handle)(struct runner *runner, union message *message, struct unix_fds *fds);
} handlers[] = {
    {TASK_CONFIGURATION, sizeof(struct task_header), on_configuration},
    {TASK_MADE,          sizeof(struct task_made),   on_made},
    {TASK_ERROR,         sizeof(struct task_reply),  on_error},
};
/* clang-format on */

static int handle(struct runner *runner, union message *message, size_t size, struct unix_fds *fds)
{
    if (size < sizeof(message->header) || message->header.version != TASK_PROTOCOL_VERSION)
        return -EPROTO;
    for (size_t i = 0; i < ARRAY_LENGTH(handlers); i++) {
        if (message->header.type == handlers[i].type && size == handlers[i].size)
            return handlers[i].handle(runner, message, fds);
    }
    return -EPROTO;
}

static void on_service(void *context, uint32_t events)
{
    static union message message;
    struct runner *runner = context;
    struct unix_fds fds;
    (void)events;
    ssize_t size = unix_message_receive(runner->pool.service.fd, &message, sizeof(message), &fds);
    if (size == -EAGAIN)
        return;
    int result = size <= 0 ? -ECONNRESET : handle(runner, &message, (size_t)size, &fds);
    unix_fds_close(&fds);
    if (result == -EPROTO)
        diagnostic_say("the sandbox service said what is not understood", NULL);
    if (result < 0)
        lose_service(runner);
    pool_balance(runner);
}

void pool_connect(void *context)
{
    struct runner *runner = context;
    struct pool *pool = &runner->pool;
    if (watch_begin(&pool->service, &runner->loop, unix_socket_connect(TASK_SANDBOX_SOCKET),
                    on_service, runner) < 0 ||
        pool_ask(pool, TASK_HELLO, -1) < 0)
        lose_service(runner);
}

/* If not, the next that ends, or the next answer, brings us here again. */
static bool make(struct runner *runner, uint32_t profile)
{
    struct sandbox *sandbox = sandboxes_take(runner, profile);
    struct task_make message = {.id = ""};
    if (sandbox == NULL)
        return false;
    memcpy(message.id, sandbox->row.id, sizeof(message.id));
    memcpy(message.profile, sandbox->row.profile, sizeof(message.profile));
    if (message_send(runner->pool.service.fd, TASK_MAKE, &message, sizeof(message), -1) == 0)
        return true;
    sandboxes_free(sandbox);
    return false;
}

/* Hands out what is warm; what another policy made is of no use. How many clients still wait. */
static size_t hand_out(struct runner *runner, uint32_t profile)
{
    struct sandbox *sandbox = NULL;
    size_t waiting;
    struct client *client = clients_next(runner, profile, &waiting);
    while ((sandbox = sandboxes_next(runner, sandbox, SANDBOX_WARM, SANDBOX_WARM)) != NULL) {
        if (sandbox->generation != runner->pool.policy.generation) {
            sandboxes_kill(sandbox);
        } else if (client != NULL && sandbox->profile == profile) {
            sandboxes_start(sandbox, client);
            client = clients_next(runner, profile, &waiting);
        }
    }
    return waiting;
}

static void balance_profile(struct runner *runner, uint32_t profile)
{
    size_t warm = runner->pool.policy.profiles[profile].warm;
    size_t wanted = hand_out(runner, profile) + warm;
    const struct sandbox *sandbox = NULL;
    size_t judging = 0;
    size_t making = 0;
    size_t made = 0;
    /* One that judges is not replaced until its command runs: making another would be in that
     * one's way. But who waits does not wait for judges. */
    while ((sandbox = sandboxes_next(runner, sandbox, SANDBOX_MAKING, SANDBOX_RECORDING)) != NULL) {
        if (sandbox->profile != profile || (sandbox->state > SANDBOX_WARM && judging++ >= warm))
            continue;
        making += sandbox->state == SANDBOX_MAKING;
        made++;
    }
    while (made++ < wanted && making++ < POOL_MAKING_MAX && make(runner, profile))
        continue;
}

void pool_balance(struct runner *runner)
{
    struct pool *pool = &runner->pool;
    if (!pool->is_configured || pool->service.fd < 0)
        return;
    if (pool->retry_ns > clock_monotonic_ns()) {
        runner_expect(runner);
        return;
    }
    for (uint32_t profile = 0; profile < pool->policy.profile_count; profile++)
        balance_profile(runner, profile);
}
