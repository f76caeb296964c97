/* The proxy's loop: libmicrohttpd for the container, curl for the remotes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/uid_map.h"

#define TIMER_CURL 0
/* Per connection: what has come of its request and what goes out. */
#define CONNECTION_BYTES ((size_t)256 * 1024)
#define IDLE_SECONDS 120u
#define BLOCK_BYTES ((size_t)64 * 1024)

void serve_suspend(struct exchange *exchange)
{
    exchange->is_suspended = true;
    MHD_suspend_connection(exchange->connection);
}

void serve_resume(struct exchange *exchange)
{
    if (!exchange->is_suspended)
        return;
    exchange->is_suspended = false;
    MHD_resume_connection(exchange->connection);
}

static ssize_t give_body(void *context, uint64_t position, char *data, size_t size)
{
    struct exchange *exchange = context;
    (void)position;
    ssize_t count = exchange_give(exchange, data, size);
    if (count == -1)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (count == -2)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (count == 0)
        serve_suspend(exchange);
    return count;
}

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned int status,
                             struct MHD_Response *response, const char *type)
{
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-cache, no-store");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_said(struct exchange *exchange)
{
    static char nothing[1];
    bool is_elsewhere = exchange->said_status == 307;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        is_elsewhere ? 0 : exchange->said_size, is_elsewhere ? nothing : exchange->said,
        MHD_RESPMEM_PERSISTENT);
    if (response != NULL && is_elsewhere)
        MHD_add_response_header(response, "Location", exchange->said);
    return queue(exchange->connection, exchange->said_status, response, exchange->said_type);
}

static enum MHD_Result answer_streaming(struct exchange *exchange)
{
    char type[128];
    snprintf(type, sizeof(type), "application/x-%s-%s", route_service_name(exchange->route.service),
             exchange->route.kind == ROUTE_REFS ? "advertisement" : "result");
    return queue(
        exchange->connection, 200,
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, give_body, exchange, NULL),
        type);
}

static enum MHD_Result count_argument(void *context, enum MHD_ValueKind kind, const char *key,
                                      const char *value)
{
    struct route_request *request = context;
    (void)kind;
    request->argument_count++;
    if (strcmp(key, "service") == 0)
        request->service = value;
    return MHD_YES;
}

static int64_t length_of(struct MHD_Connection *connection)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    char *end = NULL;
    errno = 0;
    long long length = text == NULL ? -1 : strtoll(text, &end, 10);
    return text == NULL || errno != 0 || length < 0 ? -1 : length;
}

static enum MHD_Result refuse_busy(struct MHD_Connection *connection)
{
    static char text[] = "coding-agents: too many requests at once\n";
    return queue(connection, 503,
                 MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT),
                 "text/plain");
}

static enum MHD_Result begin(struct proxy *proxy, struct MHD_Connection *connection,
                             struct route_request *request, void **context)
{
    struct exchange *exchange = exchange_find_free(proxy);
    if (exchange == NULL)
        return refuse_busy(connection);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, count_argument, request);
    *context = exchange;
    exchange->connection = connection;
    exchange->up_length = length_of(connection);
    exchange->route = route_find(&proxy->access, request);
    exchange_begin(exchange);
    return MHD_YES;
}

/* Its parameters are libmicrohttpd's. NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **request_context)
{
    struct exchange *exchange = *request_context;
    struct route_request request = {.method = method, .path = url};
    (void)version;
    if (exchange == NULL)
        return begin(context, connection, &request, request_context);
    if (*size > 0) {
        size_t taken = exchange_take(exchange, data, *size);
        *size -= taken;
        if (taken == 0)
            serve_suspend(exchange);
        return MHD_YES;
    }
    if (!exchange->is_up_whole)
        exchange_end_body(exchange);
    if (exchange->state == EXCHANGE_SAID)
        return answer_said(exchange);
    if (exchange->is_streaming)
        return answer_streaming(exchange);
    serve_suspend(exchange);
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *request_context;
    (void)context;
    (void)connection;
    if (exchange == NULL)
        return;
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK && exchange->state != EXCHANGE_SAID &&
        !exchange->is_down_broken) {
        exchange->outcome = "failed";
        snprintf(exchange->detail, sizeof(exchange->detail), "the container went away");
    }
    exchange_end(exchange);
    *request_context = NULL;
}

/* Paths are compared as they were sent. */
static size_t keep_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* The container's end and nobody else: by its uid, and by the user namespace that it is from. */
static bool is_stub(const struct proxy *proxy, const struct ucred *peer)
{
    struct uid_map map;
    return keeper_child_read_map(&proxy->child, peer->pid, &map, NULL) == 0 &&
           uid_map_inside(&map, proxy->child.container_root_uid) == 0 &&
           uid_map_inside(&map, peer->uid) == proxy->stub_uid;
}

static void on_caller(void *context, uint32_t events)
{
    struct proxy *proxy = context;
    struct ucred peer = {.uid = (uid_t)-1};
    const struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)events;
    cleanup_fd int fd = keeper_child_accept(&proxy->child, proxy->listener, &peer);
    proxy->is_over = proxy->is_over || fd == -EPIPE;
    if (fd < 0)
        return;
    if (!is_stub(proxy, &peer))
        tell_peer(proxy, peer.uid, "it is not the container's end");
    else
        /* It closes what it does not take. */
        (void)MHD_add_connection(proxy->daemon, steal_fd(&fd),
                                 (const struct sockaddr *)(const void *)&address, sizeof(address));
}

/* The keeper says nothing: what comes is its end, and with it the session's. */
static void on_keeper(void *context, uint32_t events)
{
    (void)events;
    ((struct proxy *)context)->is_over = true;
}

static void on_outside(void *context, uint32_t events)
{
    (void)events;
    outside_hear(context);
}

/* Looked after once in every turn. */
static void on_daemon(void *context, uint32_t events)
{
    (void)context;
    (void)events;
}

static void on_socket(void *context, uint32_t events)
{
    struct watch *watch = context;
    int running;
    int mask = ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
               ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
               ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(watch->proxy->multi, watch->fd, mask, &running);
}

static void on_curl_timer(void *context)
{
    struct proxy *proxy = context;
    int running;
    curl_multi_socket_action(proxy->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static int set_timer(CURLM *multi, long milliseconds, void *context)
{
    struct proxy *proxy = context;
    (void)multi;
    if (milliseconds < 0)
        event_loop_clear_timer(&proxy->loop, TIMER_CURL);
    else
        event_loop_set_timer(&proxy->loop, TIMER_CURL,
                             clock_monotonic_ns() +
                                 (uint64_t)milliseconds * CLOCK_NANOSECONDS_PER_MILLISECOND,
                             on_curl_timer, proxy);
    return 0;
}

static struct watch *add_watch(struct proxy *proxy, int fd)
{
    for (size_t i = 0; i < PROXY_SOCKETS; i++) {
        struct watch *watch = &proxy->watches[i];
        if (watch->is_used)
            continue;
        *watch = (struct watch){.proxy = proxy, .fd = fd, .is_used = true};
        watch->source = event_loop_add(&proxy->loop, fd, 0, on_socket, watch);
        watch->is_used = watch->source >= 0;
        return watch->is_used ? watch : NULL;
    }
    return NULL;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    struct proxy *proxy = context;
    struct watch *watch = socket_context;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            event_loop_remove(&proxy->loop, watch->source);
            watch->is_used = false;
        }
        return 0;
    }
    if (watch == NULL) {
        watch = add_watch(proxy, fd);
        if (watch == NULL)
            return -1;
        curl_multi_assign(proxy->multi, fd, watch);
    }
    uint32_t events =
        (what != CURL_POLL_OUT ? EPOLLIN : 0u) | (what != CURL_POLL_IN ? EPOLLOUT : 0u);
    event_loop_modify(&proxy->loop, watch->source, events);
    return 0;
}

static int open_libraries(struct proxy *proxy, struct error *err)
{
    proxy->multi = curl_multi_init();
    if (proxy->multi == NULL)
        return error_set(err, ENOMEM, "start curl");
    curl_multi_setopt(proxy->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(proxy->multi, CURLMOPT_SOCKETDATA, proxy);
    curl_multi_setopt(proxy->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(proxy->multi, CURLMOPT_TIMERDATA, proxy);
    curl_multi_setopt(proxy->multi, CURLMOPT_MAXCONNECTS, (long)PROXY_EXCHANGES);
    proxy->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, proxy, MHD_OPTION_NOTIFY_COMPLETED, on_completed, proxy,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)PROXY_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL, MHD_OPTION_END);
    return proxy->daemon == NULL ? error_set(err, EIO, "start libmicrohttpd") : 0;
}

static int add_sources(struct proxy *proxy)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(proxy->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int result = info == NULL
                     ? -EIO
                     : event_loop_add(&proxy->loop, info->epoll_fd, EPOLLIN, on_daemon, proxy);
    if (result >= 0)
        result = event_loop_add(&proxy->loop, proxy->listener, EPOLLIN, on_caller, proxy);
    if (result >= 0)
        result = event_loop_add(&proxy->loop, proxy->outside, EPOLLIN, on_outside, proxy);
    if (result >= 0)
        result = event_loop_add(&proxy->loop, proxy->child.keeper, EPOLLIN, on_keeper, proxy);
    return result < 0 ? result : 0;
}

int serve_open(struct proxy *proxy, struct error *err)
{
    int result = event_loop_open(&proxy->loop, proxy->sources, ARRAY_LENGTH(proxy->sources),
                                 proxy->timers, ARRAY_LENGTH(proxy->timers));
    if (result < 0)
        return error_set(err, -result, "make the event loop");
    result = open_libraries(proxy, err);
    if (result < 0)
        return result;
    /* The container's end has no capability to pass permissions: SO_PEERCRED decides. */
    const struct keeper_child_door door = {.directory = proxy->runtime_directory,
                                           .name = "sockets/" GIT_ACCESS_SOCKET,
                                           .type = SOCK_STREAM,
                                           .backlog = PROXY_CONNECTIONS};
    proxy->listener = keeper_child_listen(&proxy->child, &door, err);
    if (proxy->listener < 0)
        return proxy->listener;
    result = add_sources(proxy);
    return result < 0 ? error_set(err, -result, "watch the sockets") : 0;
}

static void take_done(struct proxy *proxy)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(proxy->multi, &left)) != NULL;) {
        struct exchange *exchange = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        curl_multi_remove_handle(proxy->multi, message->easy_handle);
        exchange->is_added = false;
        exchange_done(exchange, code);
    }
}

int serve_run(struct proxy *proxy)
{
    int result = 0;
    while (result == 0 && !proxy->is_over) {
        MHD_UNSIGNED_LONG_LONG wait = 0;
        bool waits = MHD_get_timeout(proxy->daemon, &wait) == MHD_YES;
        result = event_loop_run_once(&proxy->loop, !waits ? -1 : wait > 1000 ? 1000 : (int)wait);
        take_done(proxy);
        MHD_run(proxy->daemon);
        take_done(proxy);
    }
    return result;
}

void serve_close(struct proxy *proxy)
{
    for (size_t i = 0; i < PROXY_EXCHANGES; i++) {
        if (proxy->exchanges[i].state != EXCHANGE_FREE)
            exchange_end(&proxy->exchanges[i]);
    }
    tell_rest(proxy);
    cleanup_close(&proxy->listener);
}
