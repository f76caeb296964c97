/* Speaks to the keeper over the root channel: hello, events, flush. */
#include "lib/wire/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"

/* How often a caller that may cancel is asked. */
#define CANCEL_MS 200

int channel_send_frame(int fd, enum channel_frame_type type, const void *payload, size_t size)
{
    struct channel_header header = channel_header_of(type, (uint32_t)size);
    if (size > LIMIT_CHANNEL_FRAME_BYTES - sizeof(header))
        return -EMSGSIZE;
    struct iovec parts[2] = {
        {.iov_base = &header, .iov_len = sizeof(header)},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = size},
    };
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = size > 0 ? 2 : 1};
    ssize_t count;
    do
        count = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : 0;
}

int channel_address(const char *path, struct sockaddr_un *address, int *directory)
{
    char copy[PATH_MAX];
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) < sizeof(address->sun_path)) {
        memcpy(address->sun_path, path, strlen(path) + 1);
        return 0;
    }
    const char *slash = strrchr(path, '/');
    if (slash == NULL || path_format(copy, "%.*s", (int)(slash - path), path) < 0)
        return -ENAMETOOLONG;
    *directory = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*directory < 0)
        return -errno;
    int length = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s",
                          *directory, slash + 1);
    return (size_t)length < sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address;
    cleanup_fd int directory = -1;
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int result = channel_address(path, &address, &directory);
    if (result < 0)
        return result;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return steal_fd(&fd);
}

int channel_await(int fd, const struct channel_wait *wait, const void **payload, size_t *size,
                  struct error *err)
{
    uint64_t deadline = clock_monotonic_ns() + wait->timeout_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    for (uint64_t now; (now = clock_monotonic_ns()) < deadline;) {
        uint64_t left = (deadline - now) / CLOCK_NANOSECONDS_PER_MILLISECOND + 1;
        if (wait->is_cancelled != NULL && wait->is_cancelled())
            return error_set(err, ECANCELED, "wait for the keeper's answer");
        /* A signal between the question and poll(2) would be lost on it. */
        if (wait->is_cancelled != NULL && left > CANCEL_MS)
            left = CANCEL_MS;
        int count = poll(&ready, 1, (int)left);
        if (count < 0 && errno != EINTR)
            return error_set(err, errno, "wait for the keeper's answer");
        if (count <= 0)
            continue;
        ssize_t received = recv(fd, wait->data, wait->room, MSG_DONTWAIT);
        if (received < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (received <= 0)
            return error_set(err, received < 0 ? errno : ECONNRESET,
                             "the keeper closed the connection");
        struct channel_header header;
        int result = channel_parse_frame(wait->data, (size_t)received, &header, payload, size, err);
        if (result == 0 && header.type != wait->type)
            result = error_set(err, EPROTO, "the keeper answered something else");
        return result;
    }
    return error_set(err, ETIMEDOUT, "wait for the keeper's answer");
}

/* Waits for a frame of TYPE with exactly SIZE bytes, into PAYLOAD. 0 or -errno. */
static int await(int fd, enum channel_frame_type type, void *payload, size_t size,
                 uint32_t timeout_ms, struct error *err)
{
    char data[sizeof(struct channel_header) + sizeof(struct channel_hello)];
    const struct channel_wait wait = {
        .type = type, .data = data, .room = sizeof(data), .timeout_ms = timeout_ms};
    const void *found = NULL;
    size_t found_size = 0;
    int result = channel_await(fd, &wait, &found, &found_size, err);
    if (result == 0 && found_size != size)
        result = error_set(err, EPROTO, "the keeper answered something else");
    if (result == 0 && size > 0)
        memcpy(payload, found, size);
    return result;
}

static int say_hello(int fd, enum channel_role role, const char *session, uint32_t timeout_ms,
                     struct error *err)
{
    struct channel_hello hello = {.version = CHANNEL_VERSION, .role = role};
    struct channel_hello reply;
    if (strlen(session) >= sizeof(hello.session))
        return error_set(err, EINVAL, "'%.40s' is not a session id", session);
    memcpy(hello.session, session, strlen(session) + 1);
    int result = channel_send_frame(fd, CHANNEL_HELLO, &hello, sizeof(hello));
    if (result < 0)
        return error_set(err, -result, "say hello to the keeper");
    result = await(fd, CHANNEL_HELLO_REPLY, &reply, sizeof(reply), timeout_ms, err);
    if (result == 0 && memcmp(reply.session, hello.session, sizeof(hello.session)) != 0)
        result = error_set(err, EPROTO, "the keeper is that of another session");
    return result;
}

int channel_connect(const char *path, enum channel_role role, const char *session,
                    uint32_t timeout_ms, struct error *err)
{
    cleanup_fd int fd = connect_to(path);
    if (fd < 0)
        return error_set(err, -fd, "connect to '%s'", path);
    int result = say_hello(fd, role, session, timeout_ms, err);
    return result < 0 ? result : steal_fd(&fd);
}

int channel_send_event(int fd, enum audit_event event, const json_t *fields, struct error *err)
{
    int result = audit_event_check(event, fields, err);
    if (result < 0)
        return result;
    json_t *document = json_pack("{s:s, s:O}", "event", audit_event_name(event), "fields",
                                 (json_t *)(uintptr_t)fields);
    cleanup_free char *text =
        document != NULL ? json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(document);
    if (text == NULL)
        return error_set(err, ENOMEM, "send the event %s", audit_event_name(event));
    result = channel_send_frame(fd, CHANNEL_EVENT, text, strlen(text));
    return result < 0 ? error_set(err, -result, "send the event %s", audit_event_name(event)) : 0;
}

int channel_send_in_time(int fd, enum channel_frame_type type, const void *payload, size_t size,
                         uint32_t timeout_ms)
{
    uint64_t deadline = clock_monotonic_ns() + timeout_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    int result = channel_send_frame(fd, type, payload, size);
    /* There may be no room while the keeper is behind with what it was sent. */
    for (uint64_t now; result == -EAGAIN && (now = clock_monotonic_ns()) < deadline;) {
        (void)poll(&room, 1, (int)((deadline - now) / CLOCK_NANOSECONDS_PER_MILLISECOND) + 1);
        result = channel_send_frame(fd, type, payload, size);
    }
    return result;
}

int channel_flush(int fd, uint32_t timeout_ms, struct error *err)
{
    int result = channel_send_in_time(fd, CHANNEL_FLUSH, NULL, 0, timeout_ms);
    if (result < 0)
        return error_set(err, -result, "ask the keeper to flush");
    return await(fd, CHANNEL_FLUSHED, NULL, 0, timeout_ms, err);
}
