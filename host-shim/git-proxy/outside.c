/* The process beyond the fence: connects to the remotes and asks the user's git for credentials,
 * each time in a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-shim/git-proxy/confine.h"
#include "host-shim/git-proxy/credential_text.h"
#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/base/syscalls.h"
#include "lib/base/unix_message.h"
#include "lib/base/unix_socket.h"

#define OUTSIDE_FD 3
#define DIAL_MS 20000
/* A helper may have to ask a person, on a screen of his. */
#define FILL_MS 60000
#define ANSWER_BYTES_MAX (64 * 1024)

static int connect_to(const struct addrinfo *address)
{
    struct pollfd wait = {.events = POLLOUT};
    int number = 0;
    socklen_t size = sizeof(number);
    cleanup_fd int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
        return -errno;
    wait.fd = fd;
    if (poll(&wait, 1, DIAL_MS) <= 0)
        return -ETIMEDOUT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0 || number != 0)
        return number != 0 ? -number : -errno;
    return steal_fd(&fd);
}

static int dial(const char *host, const char *port, struct outside_answer *answer)
{
    char name[256];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    /* The brackets of an IPv6 address belong to its URL. */
    size_t length = strlen(host);
    bool is_bracketed = host[0] == '[' && host[length - 1] == ']';
    snprintf(name, sizeof(name), "%.*s", (int)(length - (is_bracketed ? 2 : 0)),
             host + (is_bracketed ? 1 : 0));
    int code = getaddrinfo(name, port, &hints, &found);
    int fd = -EHOSTUNREACH;
    if (code != 0)
        snprintf(answer->trouble, sizeof(answer->trouble), "%s", gai_strerror(code));
    for (const struct addrinfo *p = found; p != NULL && fd < 0; p = p->ai_next)
        fd = connect_to(p);
    if (code == 0 && fd < 0)
        snprintf(answer->trouble, sizeof(answer->trouble), "%s", strerror(-fd));
    if (found != NULL)
        freeaddrinfo(found);
    return fd;
}

/* What git credential(1) reads, in a pipe, which is large enough for it. */
static int make_question(const struct upstream *upstream)
{
    char text[GIT_ACCESS_URL_SIZE + 64];
    int ends[2];
    const char *host = upstream->url + strlen("https://");
    size_t length = strcspn(host, "/");
    snprintf(text, sizeof(text), "protocol=https\nhost=%.*s\npath=%s\n\n", (int)length, host,
             host + length + 1);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    int result = fd_write_all(ends[1], text, strlen(text));
    close(ends[1]);
    if (result == 0)
        return ends[0];
    close(ends[0]);
    return result;
}

static int fill(const struct proxy *proxy, const struct upstream *upstream,
                struct outside_answer *answer)
{
    static const char *const arguments[] = {"credential", "fill", NULL};
    struct process_result result = {.output = NULL};
    struct error err = ERROR_INITIALIZER;
    cleanup_fd int question = make_question(upstream);
    const struct git_call call = {.directory = proxy->repository,
                                  .identity = &proxy->identity,
                                  .arguments = arguments,
                                  .input = question,
                                  .timeout_ms = FILL_MS,
                                  .output_limit = ANSWER_BYTES_MAX};
    const struct credential_answer places = {.username = answer->credential.username,
                                             .username_size = sizeof(answer->credential.username),
                                             .password = answer->credential.password,
                                             .password_size = sizeof(answer->credential.password)};
    if (question < 0)
        return question;
    /* A fork locks nothing of what its parent has locked. */
    int status = confine_memory(&err);
    if (status == 0)
        status = git_run_call(&call, &result, &err);
    if (status < 0)
        snprintf(answer->trouble, sizeof(answer->trouble), "%.250s", error_text(&err));
    else if (!process_is_success(result.wait_status))
        status = -ENOENT;
    else
        status = credential_answer_parse(result.output, result.output_size, &places);
    if (result.output != NULL)
        explicit_bzero(result.output, result.output_size);
    process_result_free(&result);
    return status;
}

static int serve(const struct proxy *proxy, const struct outside_request *request,
                 struct outside_answer *answer)
{
    if (request->upstream >= proxy->upstream_count)
        return -EPROTO;
    const struct upstream *upstream = &proxy->upstreams[request->upstream];
    switch (request->kind) {
    case OUTSIDE_DIAL:
        return dial(upstream->host, upstream->port, answer);
    case OUTSIDE_DIAL_PROXY:
        return dial(upstream->proxy_host, upstream->proxy_port, answer);
    case OUTSIDE_FILL:
        return fill(proxy, upstream, answer);
    default:
        return -EPROTO;
    }
}

static _Noreturn void answer_one(const struct proxy *proxy, const struct outside_request *request,
                                 pid_t parent)
{
    struct outside_answer answer = {.id = request->id};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGCHLD, SIG_DFL);
    int result = serve(proxy, request, &answer);
    bool is_connection = result >= 0 && request->kind != OUTSIDE_FILL;
    answer.result = result < 0 ? result : 0;
    const struct unix_message message = {
        .data = &answer, .size = sizeof(answer), .fds = &result, .fd_count = is_connection ? 1 : 0};
    (void)unix_message_send(OUTSIDE_FD, &message);
    explicit_bzero(&answer, sizeof(answer));
    _exit(0);
}

/* Until the proxy's end is gone. */
static _Noreturn void run(const struct proxy *proxy)
{
    pid_t self = getpid();
    struct outside_request request;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        ssize_t count = recv(OUTSIDE_FD, &request, sizeof(request), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count != (ssize_t)sizeof(request))
            _exit(0);
        pid_t pid = fork();
        if (pid == 0)
            answer_one(proxy, &request, self);
        if (pid < 0) {
            const struct outside_answer answer = {.id = request.id, .result = -errno};
            (void)send(OUTSIDE_FD, &answer, sizeof(answer), MSG_NOSIGNAL);
        }
    }
}

int outside_start(struct proxy *proxy, struct error *err)
{
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set(err, errno, "make a socket");
    cleanup_fd int theirs = ends[1];
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || dup2(theirs, OUTSIDE_FD) < 0)
            _exit(1);
        /* The keeper hears of our end by its socket: nobody else may hold it. */
        sys_close_range(OUTSIDE_FD + 1, UINT_MAX, 0);
        fd_set_close_on_exec(OUTSIDE_FD, true);
        run(proxy);
    }
    proxy->outside = ends[0];
    return pid < 0 ? error_set(err, errno, "start who connects") : 0;
}

int outside_ask(struct exchange *exchange, enum outside_kind kind)
{
    const struct proxy *proxy = exchange->proxy;
    const struct outside_request request = {.id = exchange->id,
                                            .kind = kind,
                                            .upstream =
                                                (uint32_t)(exchange->upstream - proxy->upstreams)};
    exchange->state = EXCHANGE_ASKING;
    return send(proxy->outside, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno
                                                                                            : 0;
}

void outside_hear(struct proxy *proxy)
{
    struct outside_answer answer;
    int connection = -1;
    ssize_t count = unix_socket_receive(proxy->outside, &answer, sizeof(answer), &connection);
    if (count == -EAGAIN)
        return;
    if (count != (ssize_t)sizeof(answer)) {
        cleanup_close(&connection);
        proxy->is_over = true;
        return;
    }
    for (size_t i = 0; i < PROXY_EXCHANGES; i++) {
        struct exchange *exchange = &proxy->exchanges[i];
        if (exchange->state == EXCHANGE_ASKING && exchange->id == answer.id) {
            exchange_hear(exchange, &answer, connection);
            connection = -1;
        }
    }
    cleanup_close(&connection);
    explicit_bzero(&answer, sizeof(answer));
}
