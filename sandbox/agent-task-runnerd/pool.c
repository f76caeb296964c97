/* The sandbox service: what it is configured with, and the warm sandboxes it makes. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/unix_socket.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/direct_match.h"

union message {
    struct task_header header;
    struct task_configuration configuration;
    struct task_profile profile;
    struct task_direct direct;
    struct task_made made;
    struct task_reply reply;
};

typedef int message_handler(struct runner *runner, union message *message, struct unix_fds *fds);

static void reconnect(void *context);

static void forget_making(struct runner *runner)
{
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        struct sandbox *sandbox = &runner->sandboxes.rows[i];
        if (sandbox->state == SANDBOX_MAKING)
            sandboxes_free(sandbox);
    }
}

/* What it made lives on; what it was asked for is asked of the next one. */
static void lose_service(struct runner *runner)
{
    struct pool *pool = &runner->pool;
    if (pool->fd >= 0)
        event_loop_remove(&runner->loop, pool->source);
    cleanup_close(&pool->fd);
    pool->is_receiving = false;
    forget_making(runner);
    clients_on_reloaded(runner, ECONNRESET, "the sandbox service has ended");
    event_loop_set_timer(&runner->loop, TIMER_RECONNECT,
                         clock_monotonic_ns() + RECONNECT_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                         reconnect, runner);
}

static int send_message(struct pool *pool, const void *data, size_t size)
{
    return pool->fd < 0
               ? -ENOTCONN
               : unix_message_send(pool->fd, &(struct unix_message){.data = data, .size = size});
}

static int ask(struct pool *pool, enum task_message type)
{
    const struct task_request request = {.header = {.version = TASK_PROTOCOL_VERSION, .type = type},
                                         .pid = getpid()};
    return send_message(pool, &request, sizeof(request));
}

int pool_reload(struct runner *runner)
{
    return ask(&runner->pool, TASK_RELOAD);
}

static int on_configuration(struct runner *runner, union message *message, struct unix_fds *fds)
{
    struct pool *pool = &runner->pool;
    const struct task_configuration *coming = &message->configuration;
    (void)fds;
    if (coming->profile_count == 0 || coming->profile_count > TASK_PROFILES_MAX ||
        coming->direct_count > TASK_DIRECT_MAX)
        return -EPROTO;
    pool->coming = *coming;
    pool->coming_profiles = 0;
    pool->coming_direct = 0;
    pool->is_receiving = true;
    return 0;
}

static int on_profile(struct runner *runner, union message *message, struct unix_fds *fds)
{
    struct pool *pool = &runner->pool;
    (void)fds;
    if (!pool->is_receiving || pool->coming_profiles == pool->coming.profile_count ||
        memchr(message->profile.name, '\0', sizeof(message->profile.name)) == NULL)
        return -EPROTO;
    pool->new_profiles[pool->coming_profiles++] = message->profile;
    return 0;
}

static int on_direct(struct runner *runner, union message *message, struct unix_fds *fds)
{
    struct pool *pool = &runner->pool;
    (void)fds;
    if (!pool->is_receiving || pool->coming_direct == pool->coming.direct_count ||
        !direct_is_sound(&message->direct))
        return -EPROTO;
    pool->new_direct[pool->coming_direct++] = message->direct;
    return 0;
}

/* A file that is not there has inode 0, which matches nothing. */
static struct program identify(const char *path)
{
    struct stat file;
    if (stat(path, &file) < 0)
        return (struct program){.inode = 0};
    return (struct program){.device = file.st_dev, .inode = file.st_ino};
}

static void discard_old(struct runner *runner)
{
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        struct sandbox *sandbox = &runner->sandboxes.rows[i];
        if (sandbox->state == SANDBOX_WARM && sandbox->generation != runner->pool.generation)
            sandboxes_kill(sandbox);
    }
}

static void configure(struct runner *runner)
{
    struct pool *pool = &runner->pool;
    pool->generation = pool->coming.generation;
    pool->is_observing = pool->coming.is_observing != 0;
    pool->profile_count = pool->coming_profiles;
    memcpy(pool->profiles, pool->new_profiles, sizeof(pool->profiles));
    pool->direct_count = pool->coming_direct;
    for (uint32_t i = 0; i < pool->direct_count; i++)
        pool->direct[i] = (struct direct_rule){.from = identify(pool->new_direct[i].from),
                                               .program = identify(pool->new_direct[i].program),
                                               .shape = pool->new_direct[i]};
    discard_old(runner);
}

static int on_end(struct runner *runner, union message *message, struct unix_fds *fds)
{
    struct pool *pool = &runner->pool;
    (void)message;
    (void)fds;
    if (!pool->is_receiving || pool->coming_profiles != pool->coming.profile_count ||
        pool->coming_direct != pool->coming.direct_count)
        return -EPROTO;
    pool->is_receiving = false;
    configure(runner);
    bool is_first = !pool->is_configured;
    pool->is_configured = true;
    if (is_first)
        runner_begin(runner);
    clients_on_reloaded(runner, 0, "");
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

/* One that could not be made is told to who waits longest for it: a denial, now, with its cause. */
static int on_error(struct runner *runner, union message *message, struct unix_fds *fds)
{
    struct task_reply *reply = &message->reply;
    reply->id[TASK_ID_SIZE - 1] = '\0';
    reply->text[TASK_TEXT_SIZE - 1] = '\0';
    (void)fds;
    struct sandbox *sandbox = reply->id[0] == '\0' ? NULL : sandboxes_find(runner, reply->id);
    if (sandbox == NULL || sandbox->state != SANDBOX_MAKING) {
        diagnostic_say("the sandbox service: ", reply->text, NULL);
        clients_on_reloaded(runner, reply->code == 0 ? EIO : (int)reply->code, reply->text);
        return 0;
    }
    struct client *client = clients_next(runner, sandbox->profile);
    if (client != NULL)
        clients_refuse(client, (int)reply->code, reply->text);
    sandboxes_free(sandbox);
    runner->pool.retry_ns = clock_monotonic_ns() + RECONNECT_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    runner_expect(runner);
    return 0;
}

/* clang-format off */
static const struct {
    enum task_message type;
    size_t size;
    message_handler *handle;
} handlers[] = {
    {TASK_CONFIGURATION, sizeof(struct task_configuration), on_configuration},
    {TASK_PROFILE,       sizeof(struct task_profile),       on_profile},
    {TASK_DIRECT,        sizeof(struct task_direct),        on_direct},
    {TASK_END,           sizeof(struct task_reply),         on_end},
    {TASK_MADE,          sizeof(struct task_made),          on_made},
    {TASK_ERROR,         sizeof(struct task_reply),         on_error},
};
/* clang-format on */

static int handle(struct runner *runner, union message *message, size_t size, struct unix_fds *fds)
{
    if (size < sizeof(message->header) || message->header.version != TASK_PROTOCOL_VERSION)
        return -EPROTO;
    for (size_t i = 0; i < ARRAY_LENGTH(handlers); i++) {
        if (message->header.type == handlers[i].type)
            return size == handlers[i].size ? handlers[i].handle(runner, message, fds) : -EPROTO;
    }
    return -EPROTO;
}

static void on_service(void *context, uint32_t events)
{
    static union message message;
    struct runner *runner = context;
    struct unix_fds fds;
    (void)events;
    ssize_t size = unix_message_receive(runner->pool.fd, &message, sizeof(message), &fds);
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

static int connect_service(struct runner *runner)
{
    cleanup_fd int fd = unix_socket_connect(TASK_SANDBOX_SOCKET);
    if (fd < 0)
        return fd;
    int source = event_loop_add(&runner->loop, fd, EPOLLIN, on_service, runner);
    if (source < 0)
        return source;
    runner->pool.source = source;
    runner->pool.fd = steal_fd(&fd);
    return ask(&runner->pool, TASK_HELLO);
}

void pool_connect(struct runner *runner)
{
    if (connect_service(runner) < 0)
        lose_service(runner);
}

static void reconnect(void *context)
{
    pool_connect(context);
}

static int make(struct runner *runner, uint32_t profile)
{
    struct sandbox *sandbox = sandboxes_take(runner, profile);
    struct task_make message = {.header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_MAKE}};
    if (sandbox == NULL)
        return -ENOSPC;
    memcpy(message.id, sandbox->id, sizeof(message.id));
    memcpy(message.profile, sandbox->profile_name, sizeof(message.profile));
    int result = send_message(&runner->pool, &message, sizeof(message));
    if (result < 0)
        sandboxes_free(sandbox);
    return result;
}

static void hand_out(struct runner *runner, uint32_t profile)
{
    for (size_t i = 0; i < SANDBOXES_MAX; i++) {
        struct sandbox *sandbox = &runner->sandboxes.rows[i];
        if (sandbox->state != SANDBOX_WARM || sandbox->profile != profile)
            continue;
        struct client *client = clients_next(runner, profile);
        if (client == NULL)
            return;
        sandboxes_start(sandbox, client);
    }
}

static void balance_profile(struct runner *runner, uint32_t profile)
{
    hand_out(runner, profile);
    size_t wanted = runner->pool.profiles[profile].warm + clients_count_queued(runner, profile);
    size_t making = sandboxes_count(runner, SANDBOX_MAKING, SANDBOX_MAKING, profile);
    /* One that judges counts until its command runs: making another would be in that one's way. */
    size_t made = sandboxes_count(runner, SANDBOX_MAKING, SANDBOX_RECORDING, profile);
    for (; made < wanted && making < POOL_MAKING_MAX; made++, making++) {
        if (make(runner, profile) < 0)
            return; /* the next that ends, or the next answer, brings us here again */
    }
}

void pool_balance(struct runner *runner)
{
    struct pool *pool = &runner->pool;
    if (!pool->is_configured || pool->fd < 0 || pool->is_receiving)
        return;
    if (pool->retry_ns > clock_monotonic_ns()) {
        runner_expect(runner);
        return;
    }
    for (uint32_t profile = 0; profile < pool->profile_count; profile++)
        balance_profile(runner, profile);
}
