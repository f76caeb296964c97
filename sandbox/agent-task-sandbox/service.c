/* The loop of the sandbox service: the runner's requests, and signals. */
#include "sandbox/agent-task-sandbox/service.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/unix_message.h"
#include "lib/base/unix_socket.h"
#include "lib/base/wait_limit.h"
#include "lib/base/watch.h"
#include "sandbox/agent-task-sandbox/generation.h"
#include "sandbox/confine/notify.h"

/* One runner, and one that takes its place. */
#define CONNECTIONS_MAX 4
/* The listening socket and signals. */
#define SOURCES (CONNECTIONS_MAX + TASK_PROFILES_MAX + 2)

struct connection {
    struct service *service;
    struct watch watch; /* without a descriptor: the row is free */
};

struct service {
    struct generation generation;
    struct groundwork groundwork;
    struct connection connections[CONNECTIONS_MAX];
    const struct connection *asker; /* for the last sandbox; NULL: nobody yet */
    int makers[TASK_PROFILES_MAX];  /* the sources of the generation's */
    int listen_fd;                  /* owned */
    int signal_fd;                  /* owned */
    bool is_stopping;
    bool has_lost_maker;
    struct event_loop loop;
    struct event_source sources[SOURCES];
};

static void send_error(int connection, const char *id, const struct error *err)
{
    struct task_reply reply = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_ERROR},
        .code = (uint32_t)(err->number > 0 ? err->number : EPROTO),
    };
    const struct unix_message message = {.data = &reply, .size = sizeof(reply)};

    snprintf(reply.id, sizeof(reply.id), "%s", id);
    snprintf(reply.text, sizeof(reply.text), "%s", error_text(err));
    (void)unix_message_send(connection, &message); /* gone: its end is told, too */
}

static void drop(struct connection *connection)
{
    watch_close(&connection->watch);
}

static void describe_to_all(struct service *service)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &service->connections[i];

        if (connection->watch.fd >= 0 &&
            generation_describe(&service->generation, connection->watch.fd) < 0)
            drop(connection);
    }
}

/* A maker says something here when it could not receive the connection to say it on. */
static void on_makers(void *context, uint32_t events)
{
    struct service *service = context;
    struct task_reply reply;
    const struct unix_message message = {.data = &reply, .size = sizeof(reply)};

    (void)events;
    for (size_t i = 0; i < service->generation.count; i++) {
        ssize_t size = recv(service->generation.makers[i], &reply, sizeof(reply), MSG_DONTWAIT);

        service->has_lost_maker |= size == 0 || (size < 0 && errno == ECONNRESET);
        if (size == sizeof(reply) && service->asker != NULL && service->asker->watch.fd >= 0)
            (void)unix_message_send(service->asker->watch.fd, &message);
    }
}

static int watch_makers(struct service *service)
{
    int result = 0;

    for (size_t i = 0; i < service->generation.count && result >= 0; i++) {
        result = event_loop_add(&service->loop, service->generation.makers[i], EPOLLIN, on_makers,
                                service);
        service->makers[i] = result;
    }
    return result < 0 ? result : 0;
}

static void forget_makers(struct service *service)
{
    for (size_t i = 0; i < service->generation.count; i++) {
        if (service->makers[i] >= 0)
            event_loop_remove(&service->loop, service->makers[i]);
    }
}

/* The new one is whole before the old one goes. 0 or -errno, and all stays. */
static int reload(struct service *service, struct error *err)
{
    struct generation fresh = {.number = service->generation.number + 1,
                               .agent = service->generation.agent};
    int result = generation_open(&fresh, &service->groundwork, err);

    if (result < 0)
        return error_prefix(err, "the policy in force stays");
    forget_makers(service);
    generation_close(&service->generation);
    service->generation = fresh;
    result = watch_makers(service);
    service->has_lost_maker |= result < 0; /* one that is not heard might as well be gone */
    return 0;
}

static void on_make(struct connection *connection, const struct task_make *make)
{
    struct task_make copy = *make;
    struct error err = ERROR_INITIALIZER;
    int result;

    copy.id[TASK_ID_SIZE - 1] = '\0';
    copy.profile[TASK_PROFILE_SIZE - 1] = '\0';
    result = generation_make(&connection->service->generation, &copy, connection->watch.fd);
    connection->service->has_lost_maker |= result == -EPIPE;
    connection->service->asker = connection;
    if (result == 0)
        return;
    error_set(&err, -result, "make a sandbox of the profile '%s'", copy.profile);
    send_error(connection->watch.fd, copy.id, &err);
}

static void on_hello(struct connection *connection)
{
    if (generation_describe(&connection->service->generation, connection->watch.fd) < 0)
        drop(connection);
}

/* CLIENT (borrowed) asked the runner, which hears first what changed. */
static void on_reload(struct connection *connection, int client)
{
    const struct task_reply reply = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_END}};
    const struct unix_message message = {.data = &reply, .size = sizeof(reply)};
    struct error err = ERROR_INITIALIZER;

    if (reload(connection->service, &err) < 0) {
        send_error(client, "", &err);
        return;
    }
    describe_to_all(connection->service);
    (void)unix_message_send(client, &message);
}

static bool is_message(const struct task_header *header, enum task_message type)
{
    return header->version == TASK_PROTOCOL_VERSION && header->type == type;
}

union service_message {
    struct task_header header;
    struct task_request request;
    struct task_make make;
};

static void on_message(void *context, uint32_t events)
{
    struct connection *connection = context;
    union service_message message;
    struct unix_fds fds = {.count = 0};
    ssize_t size = unix_message_receive(connection->watch.fd, &message, sizeof(message), &fds);

    (void)events;
    if (size == -EAGAIN)
        return;
    cleanup_fd int client = unix_fds_take(&fds, 0);
    unix_fds_close(&fds);
    if (size == sizeof(message.make) && is_message(&message.header, TASK_MAKE))
        on_make(connection, &message.make);
    else if (size == sizeof(message.request) && is_message(&message.header, TASK_HELLO))
        on_hello(connection);
    else if (size == sizeof(message.request) && is_message(&message.header, TASK_RELOAD))
        on_reload(connection, client);
    else
        drop(connection);
}

static struct connection *find_free(struct service *service)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (service->connections[i].watch.fd < 0)
            return &service->connections[i];
    }
    return NULL;
}

static void on_connect(void *context, uint32_t events)
{
    struct service *service = context;
    struct connection *connection = find_free(service);
    uid_t uid = (uid_t)-1;
    cleanup_fd int fd = unix_socket_accept(service->listen_fd, &uid);

    (void)events;
    if (fd >= 0 && uid == 0 && connection != NULL)
        (void)watch_begin(&connection->watch, &service->loop, steal_fd(&fd), on_message,
                          connection);
}

static void on_hang_up(struct service *service)
{
    struct error err = ERROR_INITIALIZER;

    if (reload(service, &err) < 0)
        diagnostic_say(error_text(&err), NULL);
    else
        describe_to_all(service);
}

static void on_signal(void *context, uint32_t events)
{
    struct service *service = context;
    struct signalfd_siginfo information;

    (void)events;
    while (read(service->signal_fd, &information, sizeof(information)) == sizeof(information)) {
        if (information.ssi_signo == SIGHUP)
            on_hang_up(service);
        else if (information.ssi_signo != SIGCHLD)
            service->is_stopping = true;
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue; /* makers of policies that are gone */
}

static int open_loop(struct service *service, struct error *err)
{
    sigset_t signals;
    int result;

    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    service->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    service->listen_fd =
        unix_socket_listen_for_descriptors(TASK_SANDBOX_SOCKET, 0600, CONNECTIONS_MAX);
    if (service->signal_fd < 0 || service->listen_fd < 0)
        return error_set(err, errno, "listen at '%s'", TASK_SANDBOX_SOCKET);
    result = event_loop_open(&service->loop, service->sources, SOURCES, NULL, 0);
    if (result == 0)
        result = event_loop_add(&service->loop, service->listen_fd, EPOLLIN, on_connect, service);
    if (result >= 0)
        result = event_loop_add(&service->loop, service->signal_fd, EPOLLIN, on_signal, service);
    if (result >= 0)
        result = watch_makers(service);
    if (result >= 0)
        result = wait_limit_open(false);
    return result < 0 ? error_set(err, -result, "make the event loop") : 0;
}

int service_run(const char *agent, struct error *err)
{
    static struct service service; /* for the life of the process */
    int notify = -1;
    int result = notify_find(&notify, err);

    service = (struct service){
        .generation = {.number = 1, .agent = agent}, .listen_fd = -1, .signal_fd = -1};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        service.connections[i] = (struct connection){.service = &service, .watch = WATCH_NONE};
    if (result == 0)
        result = groundwork_lay(&service.groundwork, err);
    if (result == 0)
        result = generation_open(&service.generation, &service.groundwork, err);
    if (result == 0)
        result = open_loop(&service, err);
    if (result < 0)
        return result;
    notify_ready(notify);
    while (result == 0 && !service.is_stopping && !service.has_lost_maker)
        result = event_loop_run_once(&service.loop, -1);
    /* Nobody but root could end it; what PID 1 starts in our place has all of them. */
    if (service.has_lost_maker)
        return error_set(err, EPIPE, "a process that makes sandboxes has ended");
    return result < 0 ? error_set(err, -result, "wait for requests") : 0;
}
