/* Connecting, asking, and reading replies until the last. */
#include "init/agent-initctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

/* Between looks whether PID 1 listens. */
#define CONNECT_RETRY_MS 50

int client_connect(struct error *err)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = INIT_CONTROL_SOCKET};
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, errno, "make a socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return error_set(err, errno, "no agent-init answers at " INIT_CONTROL_SOCKET);
    return steal_fd(&fd);
}

int client_connect_patiently(uint64_t deadline_ns, struct error *err)
{
    const struct timespec pause = {.tv_nsec = CONNECT_RETRY_MS * 1000000L};
    for (;;) {
        int fd = client_connect(err);
        bool is_early = fd == -ENOENT || fd == -ECONNREFUSED;
        if (!is_early || (deadline_ns != 0 && clock_monotonic_ns() >= deadline_ns))
            return fd;
        nanosleep(&pause, NULL);
    }
}

/* Waits for a reply. 0, or -ETIMEDOUT. */
static int await(int fd, uint64_t deadline_ns, struct error *err)
{
    for (;;) {
        int timeout_ms = -1;
        if (deadline_ns != 0) {
            uint64_t now = clock_monotonic_ns();
            uint64_t left = now < deadline_ns ? deadline_ns - now : 0;
            timeout_ms = (int)((left + CLOCK_NANOSECONDS_PER_MILLISECOND - 1) /
                               CLOCK_NANOSECONDS_PER_MILLISECOND);
        }
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int count = poll(&ready, 1, timeout_ms);
        if (count > 0)
            return 0;
        if (count == 0)
            return error_set(err, ETIMEDOUT, "agent-init did not answer in time");
        if (errno != EINTR)
            return error_set(err, errno, "wait for agent-init");
    }
}

static int refusal(const struct init_reply *reply, const char *service, struct error *err)
{
    static const struct {
        int number;
        const char *text;
    } reasons[] = {
        {EPERM, "only root may do that"},
        {ENOENT, "there is no such service"},
        {ESRCH, "it failed or has ended"},
        {ECANCELED, "the session is not running"},
        {EINVAL, "it is the main service, whose end is the end of the session; stop it instead"},
        {EPROTO, "it does not understand the request; are both of one version?"},
    };
    const char *text = strerror((int)reply->error);
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
        if (reasons[i].number == (int)reply->error)
            text = reasons[i].text;
    }
    error_set(err, EPROTO, "agent-init refused%s%s: %s", service[0] == '\0' ? "" : " for ", service,
              text);
    return reply->error == 0 ? -EPROTO : -(int)reply->error;
}

/* Receives one reply by DEADLINE_NS. 0 or -errno. */
static int receive(int fd, uint64_t deadline_ns, struct init_reply *reply, struct error *err)
{
    int result = await(fd, deadline_ns, err);
    if (result < 0)
        return result;
    ssize_t size = recv(fd, reply, sizeof(*reply), 0);
    if (size == 0 || (size < 0 && errno == ECONNRESET))
        return error_set(err, EPROTO, "agent-init closed the connection; it may be too busy");
    if (size != sizeof(*reply) || reply->version != INIT_PROTOCOL_VERSION)
        return error_set(err, EPROTO, "agent-init speaks another version");
    return 0;
}

int client_ask(int fd, const struct client_question *question, struct error *err)
{
    const char *service = question->service;
    struct init_request request = {.version = INIT_PROTOCOL_VERSION, .type = question->type};
    if (memccpy(request.service, service, '\0', sizeof(request.service)) == NULL)
        return error_set(err, EINVAL, "'%s' is too long for the name of a service", service);
    if (send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
        return error_set(err, errno, "ask agent-init");
    for (;;) {
        struct init_reply reply;
        int result = receive(fd, question->deadline_ns, &reply, err);
        if (result == 0 && reply.type == INIT_REPLY_ERROR)
            result = refusal(&reply, service, err);
        if (result < 0 || reply.type == INIT_REPLY_END)
            return result;
        if (question->callback != NULL)
            result = question->callback(&reply, question->context, err);
        if (result < 0)
            return result;
    }
}
