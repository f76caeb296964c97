/* The signer's socket, in the directory that commands of the container see. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/signer/signer.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/wire/services.h"

/* Who connects has something to say. */
#define PATIENCE_MS 5000

void serve_close_visitor(struct visitor *visitor)
{
    if (visitor->source >= 0)
        event_loop_remove(&visitor->signer->loop, visitor->source);
    visitor->source = -1;
    cleanup_close(&visitor->fd);
}

static void on_visitor(void *context, uint32_t events)
{
    (void)events;
    struct visitor *visitor = context;
    struct signer *signer = visitor->signer;
    ssize_t count =
        recv(visitor->fd, signer->message, sizeof(signer->message), MSG_DONTWAIT | MSG_TRUNC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count > (ssize_t)sizeof(signer->message))
        answer_refuse(visitor, SIGNING_REASON_MALFORMED, "a message that is too long");
    else if (count > 0)
        answer_message(visitor, signer->message, (size_t)count);
    else
        serve_close_visitor(visitor);
}

static void on_patience(void *context)
{
    struct signer *signer = context;
    uint64_t now = clock_monotonic_ns();
    uint64_t next = 0;
    for (size_t i = 0; i < SIGNER_VISITORS; i++) {
        struct visitor *visitor = &signer->visitors[i];
        uint64_t deadline = visitor->accepted_ns + PATIENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
        if (visitor->fd < 0)
            continue;
        if (now >= deadline)
            answer_refuse(visitor, SIGNING_REASON_BUSY, "it said nothing for too long");
        else if (next == 0 || deadline < next)
            next = deadline;
    }
    if (next != 0)
        event_loop_set_timer(&signer->loop, SIGNER_TIMER_PATIENCE, next, on_patience, signer);
}

static struct visitor *find_place(struct signer *signer)
{
    for (size_t i = 0; i < SIGNER_VISITORS; i++) {
        if (signer->visitors[i].fd < 0)
            return &signer->visitors[i];
    }
    return NULL;
}

static void on_caller(void *context, uint32_t events)
{
    (void)events;
    struct signer *signer = context;
    struct ucred peer = {.uid = (uid_t)-1};
    struct visitor *visitor = find_place(signer);
    struct visitor guest = {.signer = signer, .source = -1};
    cleanup_fd int fd = keeper_child_accept(&signer->child, signer->listener, &peer);
    signer->is_over = signer->is_over || fd == -EPIPE;
    if (fd < 0)
        return;
    guest.fd = fd;
    guest.uid = peer.uid;
    guest.pid = peer.pid;
    guest.accepted_ns = clock_monotonic_ns();
    if (visitor == NULL) {
        (void)steal_fd(&fd);
        answer_refuse(&guest, SIGNING_REASON_BUSY, "too many connections");
        return;
    }
    guest.source = event_loop_add(&signer->loop, fd, EPOLLIN, on_visitor, visitor);
    if (guest.source < 0)
        return;
    *visitor = guest;
    (void)steal_fd(&fd);
    if (signer->timers[SIGNER_TIMER_PATIENCE].deadline_ns == 0)
        on_patience(signer);
}

/* The keeper says nothing: what comes is its end, and with it the session's. */
static void on_keeper(void *context, uint32_t events)
{
    (void)events;
    struct signer *signer = context;
    signer->is_over = true;
}

/* For whoever in the container has it shown: nobody lists it, and each socket in it decides. */
static int make_directory(const struct signer *signer, char path[PATH_MAX], struct error *err)
{
    if (path_format(path, "%s/sockets/" SERVICES_NAME, signer->runtime_directory) < 0)
        return error_set(err, ENAMETOOLONG, "the runtime directory");
    int result = path_make_directories(path, 0711, err);
    if (result == 0 && chmod(path, 0711) < 0)
        result = error_set(err, errno, "open '%s' to the container", path);
    return result;
}

int serve_open(struct signer *signer, struct error *err)
{
    char directory[PATH_MAX] = "";
    const struct keeper_child_door door = {.directory = directory,
                                           .name = SIGNING_SOCKET,
                                           .type = SOCK_SEQPACKET,
                                           .backlog = SIGNER_VISITORS};
    for (size_t i = 0; i < SIGNER_VISITORS; i++)
        signer->visitors[i] = (struct visitor){.signer = signer, .fd = -1, .source = -1};
    int result = event_loop_open(&signer->loop, signer->sources, ARRAY_LENGTH(signer->sources),
                                 signer->timers, SIGNER_TIMER_COUNT);
    if (result < 0)
        return error_set(err, -result, "make the event loop");
    if (signer->child.relay_count == 0)
        result = make_directory(signer, directory, err);
    if (result < 0)
        return result;
    signer->listener = keeper_child_listen(&signer->child, &door, err);
    if (signer->listener < 0)
        return signer->listener;
    result = event_loop_add(&signer->loop, signer->listener, EPOLLIN, on_caller, signer);
    if (result >= 0)
        result = event_loop_add(&signer->loop, signer->child.keeper, EPOLLIN, on_keeper, signer);
    return result < 0 ? error_set(err, -result, "watch the sockets") : 0;
}
