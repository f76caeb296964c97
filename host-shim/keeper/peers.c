/* Serves the root channel: connections of known uids, a hello first, then the frames their role may
 * send. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/host/session_relay.h"
#include "lib/host/session_socket.h"

/* A connection that does not say hello by then makes room. */
#define HELLO_MS 5000

void peers_close(struct peer *peer)
{
    bool was_runner = peer->role == CHANNEL_ROLE_RUNNER;
    event_loop_remove(&peer->keeper->loop, peer->source);
    cleanup_close(&peer->fd);
    peer->role = 0;
    peer->is_following = false;
    if (was_runner)
        approvals_lose(peer);
    data_lose(peer);
}

/* Records why once per uid, and closes. */
static void refuse_peer(struct peer *peer, const char *what, const char *detail)
{
    log_refusal(peer->keeper, what, peer->uid, detail);
    peers_close(peer);
}

static size_t count_role(const struct keeper *keeper, uint32_t role)
{
    size_t count = 0;
    for (size_t i = 0; i < LIMIT_CHANNEL_CONNECTIONS; i++)
        count += keeper->peers[i].fd >= 0 && keeper->peers[i].role == role;
    return count;
}

bool peers_has_container(const struct keeper *keeper)
{
    return count_role(keeper, CHANNEL_ROLE_BOOT) + count_role(keeper, CHANNEL_ROLE_INIT) +
               count_role(keeper, CHANNEL_ROLE_RUNNER) >
           0;
}

/* True when PID lives where we live: a process of the container does not, whatever its uid. */
static bool is_on_the_host(pid_t pid)
{
    char path[64];
    struct stat theirs, ours;
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
    return stat(path, &theirs) == 0 && stat("/proc/self/ns/pid", &ours) == 0 &&
           theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/*
 * Authority is the peer's uid alone. Where root of the container has our own uid (the keeper of
 * root, a rootless engine) the uid cannot tell host programs apart, and their PID namespace does.
 * With a sidecar the container's come through that, and all others from the host.
 */
static bool is_entitled(const struct peer *peer, const struct admission_role *role)
{
    if (role->is_container && peer->keeper->has_sidecar)
        return peer->is_relayed && peer->uid == 0;
    if (role->is_container)
        return peer->uid == peer->keeper->container_root_uid;
    if (peer->is_relayed || peer->uid != getuid())
        return false;
    return peer->keeper->container_root_uid != getuid() || is_on_the_host(peer->pid);
}

static void on_hello(struct peer *peer, const struct channel_hello *hello)
{
    struct keeper *keeper = peer->keeper;
    const struct admission_role *role = admission_role(hello->role);
    struct channel_hello reply = {.version = CHANNEL_VERSION, .role = hello->role};
    if (hello->version != CHANNEL_VERSION)
        refuse_peer(peer, "hello", "another version");
    else if (memchr(hello->session, '\0', sizeof(hello->session)) == NULL ||
             strcmp(hello->session, keeper->session) != 0)
        refuse_peer(peer, "hello", "another session");
    else if (role == NULL)
        refuse_peer(peer, "hello", "an unknown role");
    else if (!is_entitled(peer, role))
        refuse_peer(peer, "hello", "a role that is not this uid's");
    else if (count_role(keeper, hello->role) >= role->connections)
        refuse_peer(peer, "hello", "a role that is already taken");
    else {
        memcpy(reply.session, keeper->session, sizeof(keeper->session));
        peer->role = hello->role;
        if (channel_send_frame(peer->fd, CHANNEL_HELLO_REPLY, &reply, sizeof(reply)) < 0)
            peers_close(peer);
    }
}

static void remember_refusal(struct ending *ending, const json_t *fields)
{
    const char *step = json_string_value(json_object_get(fields, "step"));
    const char *message = json_string_value(json_object_get(fields, "message"));
    snprintf(ending->refused_step, sizeof(ending->refused_step), "%s", step != NULL ? step : "?");
    snprintf(ending->refused_message, sizeof(ending->refused_message), "%s",
             message != NULL ? message : "");
}

static int record_event(struct peer *peer, const struct admission_role *role,
                        const struct audit_source *source, const json_t *document,
                        struct error *err)
{
    const char *name = json_string_value(json_object_get(document, "event"));
    json_t *fields = json_object_get(document, "fields");
    if (name == NULL || json_object_size(document) != 2)
        return error_set(err, EPROTO, "an event must be {\"event\", \"fields\"}");
    enum audit_event event = audit_event_from_name(name);
    if (!admission_allows(role, event))
        return error_set(err, EPROTO, "%s may not send '%.40s'", role->program, name);
    int result = audit_event_check(event, fields, err);
    if (result < 0)
        return result;
    if (event == AUDIT_BOOT_REFUSED)
        remember_refusal(&peer->keeper->ending, fields);
    log_record(peer->keeper, event, source, json_incref(fields));
    return 0;
}

static int take_event(struct peer *peer, uint32_t type, const void *payload, size_t size,
                      struct error *err)
{
    const struct admission_role *role = admission_role(peer->role);
    const struct audit_source source = {
        .program = role->program, .uid = peer->uid, .pid = peer->pid};
    if (type != role->frame)
        return error_set(err, EPROTO, "%s may not send frames of type %u", role->program, type);
    if (type == CHANNEL_EXEC_EVENT)
        return exec_event_record(peer, &source, payload, size, err);
    if (type == CHANNEL_ASK_REQUEST)
        return approvals_serve(peer, payload, size, err);
    /* The host's own programs are few and ours; only the container is held to a rate. */
    if (role->is_container &&
        !admission_take(&peer->keeper->admission, clock_monotonic_ns(), size)) {
        log_drop(peer->keeper);
        return 0;
    }
    if (type == CHANNEL_INIT_EVENT)
        return init_event_record(peer->keeper, &source, payload, size, err);
    json_t *document = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
    int result = record_event(peer, role, &source, document, err);
    json_decref(document);
    return result;
}

static void on_frame(struct peer *peer, size_t received)
{
    struct channel_header header;
    const void *payload = NULL;
    size_t size = 0;
    struct error err = ERROR_INITIALIZER;
    if (channel_parse_frame(peer->keeper->frame, received, &header, &payload, &size, &err) < 0) {
        refuse_peer(peer, "frame", error_text(&err));
        return;
    }
    struct channel_hello hello;
    if (peer->role == 0 && header.type == CHANNEL_HELLO && size == sizeof(hello)) {
        memcpy(&hello, payload, sizeof(hello));
        on_hello(peer, &hello);
    } else if (peer->role != 0 && header.type == CHANNEL_FLUSH && size == 0) {
        log_sync(peer->keeper);
        if (channel_send_frame(peer->fd, CHANNEL_FLUSHED, NULL, 0) < 0)
            peers_close(peer);
    } else if (peer->role == CHANNEL_ROLE_BOOT && header.type == CHANNEL_DATA) {
        if (data_serve(peer, payload, size, &err) < 0)
            refuse_peer(peer, "frame", error_text(&err));
    } else if (peer->role != 0 &&
               (header.type == CHANNEL_EVENT || header.type == CHANNEL_INIT_EVENT ||
                header.type == CHANNEL_EXEC_EVENT || header.type == CHANNEL_ASK_REQUEST)) {
        /* A wrong event is refused and the connection kept: a newer program's later events still
         * count. */
        if (take_event(peer, header.type, payload, size, &err) < 0)
            log_refusal(peer->keeper, "event", peer->uid, error_text(&err));
    } else {
        refuse_peer(peer, "frame", peer->role == 0 ? "no hello came first" : "it is out of place");
    }
}

static void on_peer(void *context, uint32_t events)
{
    (void)events;
    struct peer *peer = context;
    char *frame = peer->keeper->frame;
    /* MSG_TRUNC gives the real length, so that what was cut off is refused, not misread. */
    ssize_t count = recv(peer->fd, frame, sizeof(peer->keeper->frame), MSG_DONTWAIT | MSG_TRUNC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        peers_close(peer);
    else if ((size_t)count > LIMIT_CHANNEL_FRAME_BYTES)
        refuse_peer(peer, "frame", "it is larger than a frame may be");
    else
        on_frame(peer, (size_t)count);
}

static void on_hello_timer(void *context)
{
    struct keeper *keeper = context;
    uint64_t now = clock_monotonic_ns();
    uint64_t next = 0;
    for (size_t i = 0; i < LIMIT_CHANNEL_CONNECTIONS; i++) {
        struct peer *peer = &keeper->peers[i];
        uint64_t deadline = peer->accepted_ns + HELLO_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
        if (peer->fd < 0 || peer->role != 0)
            continue;
        if (now >= deadline)
            refuse_peer(peer, "hello", "it never came");
        else if (next == 0 || deadline < next)
            next = deadline;
    }
    if (next != 0)
        event_loop_set_timer(&keeper->loop, KEEPER_TIMER_HELLO, next, on_hello_timer, keeper);
}

/* A free place, leaving those of the host to the host; NULL when there is none for a GUEST. */
static struct peer *find_place(struct keeper *keeper, bool is_guest)
{
    struct peer *place = NULL;
    size_t free_places = 0;
    for (size_t i = 0; i < LIMIT_CHANNEL_CONNECTIONS; i++) {
        if (keeper->peers[i].fd >= 0)
            continue;
        place = &keeper->peers[i];
        free_places++;
    }
    return is_guest && free_places <= LIMIT_CHANNEL_HOST_CONNECTIONS ? NULL : place;
}

static bool has_role(const struct keeper *keeper, const struct ucred *credentials, bool is_relayed)
{
    if (is_relayed)
        return credentials->uid == 0;
    return credentials->uid == getuid() ||
           (credentials->uid == keeper->container_root_uid && !keeper->has_sidecar);
}

static void admit(struct keeper *keeper, int *fd, const struct ucred *credentials, bool is_relayed)
{
    if (!has_role(keeper, credentials, is_relayed)) {
        log_refusal(keeper, "peer", credentials->uid, "it has no role here");
        return;
    }
    struct peer *peer = find_place(keeper, is_relayed || credentials->uid != getuid());
    if (peer == NULL) {
        log_refusal(keeper, "peer", credentials->uid, "too many connections");
        return;
    }
    int source = event_loop_add(&keeper->loop, *fd, EPOLLIN, on_peer, peer);
    if (source < 0)
        return;
    *peer = (struct peer){
        .keeper = keeper,
        .fd = steal_fd(fd),
        .source = source,
        .uid = credentials->uid,
        .pid = credentials->pid,
        .is_relayed = is_relayed,
        .accepted_ns = clock_monotonic_ns(),
    };
    if (keeper->timers[KEEPER_TIMER_HELLO].deadline_ns == 0)
        on_hello_timer(keeper);
}

static void on_connection(void *context, uint32_t events)
{
    (void)events;
    struct keeper *keeper = context;
    struct ucred credentials = {.uid = (uid_t)-1};
    socklen_t size = sizeof(credentials);
    cleanup_fd int fd = accept4(keeper->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
        admit(keeper, &fd, &credentials, false);
}

static void on_relay(void *context, uint32_t events)
{
    (void)events;
    struct keeper *keeper = context;
    struct ucred credentials = {.uid = (uid_t)-1};
    cleanup_fd int fd = session_relay_take(keeper->root_relay, &credentials);
    if (fd >= 0) {
        admit(keeper, &fd, &credentials, true);
    } else if (fd == -EPIPE) {
        event_loop_remove(&keeper->loop, keeper->root_relay_source);
        cleanup_close(&keeper->root_relay);
    }
}

int peers_watch_relay(struct keeper *keeper, int relay, struct error *err)
{
    keeper->root_relay = relay;
    keeper->root_relay_source = event_loop_add(&keeper->loop, relay, EPOLLIN, on_relay, keeper);
    return keeper->root_relay_source < 0
               ? error_set(err, -keeper->root_relay_source, "watch the sidecar")
               : 0;
}

int peers_listen(struct keeper *keeper, struct error *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < LIMIT_CHANNEL_CONNECTIONS; i++)
        keeper->peers[i].fd = -1;
    if (path_format(path, "%s/sockets", keeper->runtime_directory) < 0)
        return error_set(err, ENAMETOOLONG, "the runtime directory");
    int result = path_make_directories(path, 0700, err);
    if (result < 0)
        return result;
    if (chmod(path, 0711) < 0)
        return error_set(err, errno, "set the mode of '%s'", path);
    /* Root of the container has no DAC capability here: the mode lets it in, SO_PEERCRED decides.
     */
    cleanup_fd int fd = session_socket_listen(keeper->runtime_directory, "sockets/root.sock", 0666,
                                              LIMIT_CHANNEL_CONNECTIONS, err);
    if (fd < 0)
        return fd;
    result = event_loop_add(&keeper->loop, fd, EPOLLIN, on_connection, keeper);
    if (result < 0)
        return error_set(err, -result, "watch '%s'", path);
    keeper->listener = steal_fd(&fd);
    return 0;
}

void peers_close_all(struct keeper *keeper)
{
    for (size_t i = 0; i < LIMIT_CHANNEL_CONNECTIONS; i++)
        if (keeper->peers[i].keeper != NULL && keeper->peers[i].fd >= 0)
            peers_close(&keeper->peers[i]);
}
