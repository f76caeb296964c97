/* Starts processes that serve the container, records what they say, and ends them before the log is
 * closed. */
#include "host-shim/keeper/attendant.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/base/string_list.h"
#include "lib/host/install_paths.h"

/* It wipes what it has, says so, and ends. */
#define END_MS 2000

static bool may_say(const struct attendant_kind *kind, enum audit_event event)
{
    for (size_t i = 0; i < kind->event_count; i++) {
        if (kind->events[i] == event)
            return true;
    }
    return false;
}

static int record_event(const struct attendant *attendant, const char *text, size_t size,
                        struct error *err)
{
    const struct attendant_kind *kind = attendant->kind;
    const struct audit_source source = {
        .program = kind->name, .uid = getuid(), .pid = attendant->pid};
    json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(document, "event"));
    json_t *fields = json_object_get(document, "fields");
    enum audit_event event = name == NULL ? AUDIT_EVENT_COUNT : audit_event_from_name(name);
    int result = may_say(kind, event)
                     ? audit_event_check(event, fields, err)
                     : error_set(err, EPROTO, "the %s said what is no event of it", kind->name);
    if (result == 0) {
        log_record(attendant->keeper, event, &source, json_incref(fields));
        if (kind->heed != NULL)
            kind->heed(attendant->keeper, event, fields);
    }
    json_decref(document);
    return result;
}

/* One message. Its size, 0 at the other end's end, or -errno; -EAGAIN when there is none yet. */
static ssize_t receive(const struct attendant *attendant, char text[ATTENDANT_MESSAGE_SIZE])
{
    ssize_t count;
    do
        count = recv(attendant->fd, text, ATTENDANT_MESSAGE_SIZE - 1, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    text[count] = '\0';
    return count;
}

static void take_message(const struct attendant *attendant, const char *text, size_t size)
{
    struct error err = ERROR_INITIALIZER;
    if (record_event(attendant, text, size, &err) < 0)
        log_note("%s", error_text(&err));
}

static void forget(struct attendant *attendant)
{
    if (attendant->source >= 0)
        event_loop_remove(&attendant->keeper->loop, attendant->source);
    cleanup_close(&attendant->fd);
    /* What has no socket to us has nothing left to do. */
    if (attendant->pid > 0)
        kill(attendant->pid, SIGKILL);
    while (attendant->pid > 0 && waitpid(attendant->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *attendant = ATTENDANT_NONE;
}

static void on_message(void *context, uint32_t events)
{
    (void)events;
    struct attendant *attendant = context;
    const struct attendant_kind *kind = attendant->kind;
    struct keeper *keeper = attendant->keeper;
    char text[ATTENDANT_MESSAGE_SIZE];
    ssize_t count = receive(attendant, text);
    if (count == -EAGAIN)
        return;
    if (count > 0) {
        take_message(attendant, text, (size_t)count);
        return;
    }
    forget(attendant);
    kind->lose(keeper);
}

/* READY, NONE or FAILED, with events in front of them. 0, -ENOENT for NONE, or -errno. */
static int await_ready(const struct attendant *attendant, struct error *err)
{
    const struct attendant_kind *kind = attendant->kind;
    uint64_t deadline = clock_monotonic_ns() + kind->ready_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    for (uint64_t now; (now = clock_monotonic_ns()) < deadline;) {
        char text[ATTENDANT_MESSAGE_SIZE];
        struct pollfd wait[] = {{.fd = attendant->fd, .events = POLLIN},
                                {.fd = attendant->keeper->control_fd}};
        (void)poll(wait, ARRAY_LENGTH(wait),
                   (int)((deadline - now) / CLOCK_NANOSECONDS_PER_MILLISECOND) + 1);
        if ((wait[1].revents & (POLLHUP | POLLERR)) != 0)
            return error_set(err, ECANCELED, "wait for the %s: the launcher has gone", kind->name);
        ssize_t count = receive(attendant, text);
        if (count == -EAGAIN)
            continue;
        if (count <= 0)
            return error_set(err, EPROTO, "the %s of the session ended at its start", kind->name);
        if (strcmp(text, "READY") == 0)
            return 0;
        if (strcmp(text, "NONE") == 0)
            return -ENOENT;
        if (strncmp(text, "FAILED ", 7) == 0)
            return error_set(err, EINVAL, "%s", text + 7);
        take_message(attendant, text, (size_t)count);
    }
    return error_set(err, ETIMEDOUT, "wait for the %s of the session", kind->name);
}

static int list_arguments(const struct attendant *attendant, const char *program,
                          const char *const *arguments, int theirs, struct string_list *list)
{
    const struct keeper *keeper = attendant->keeper;
    string_list_add(list, program);
    for (size_t i = 0; arguments[i] != NULL; i++)
        string_list_add(list, arguments[i]);
    string_list_add(list, "--session");
    string_list_add(list, keeper->session);
    string_list_add(list, "--container-root-uid");
    /* A sidecar tells the container's own uids. */
    string_list_format(list, "%u",
                       keeper->has_sidecar ? 0 : (unsigned int)keeper->container_root_uid);
    string_list_add(list, "--keeper-fd");
    string_list_format(list, "%d", theirs);
    return list->has_failed ? -ENOMEM : 0;
}

/* The sockets of the session's sidecar that ATTENDANT is to have; while they are GIVEN, programs
 * that are started inherit them. */
static void hand_relays(const struct attendant *attendant, bool is_given, struct string_list *list)
{
    const struct attendant_kind *kind = attendant->kind;
    for (unsigned int i = 0; i < RELAY_SERVICE_COUNT; i++) {
        const struct keeper_relay *relay = &attendant->keeper->relays[i];
        bool is_near = kind->relays == ATTENDANT_RELAYS_NEAR && kind->service == i;
        int fd = is_near ? relay->near : kind->relays == ATTENDANT_RELAYS_FAR ? relay->far : -1;
        if (fd < 0)
            continue;
        fd_set_close_on_exec(fd, !is_given);
        if (!is_given)
            continue;
        string_list_add(list, "--relay-fd");
        string_list_format(list, "%d", fd);
    }
}

static int spawn(struct attendant *attendant, const char *const *arguments, struct error *err)
{
    int ends[2];
    char program[PATH_MAX];
    cleanup_string_list struct string_list list = {0};
    cleanup_fd int pidfd = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set(err, errno, "make a socket to the %s", attendant->kind->name);
    attendant->fd = ends[0];
    cleanup_fd int theirs = ends[1];
    fd_set_close_on_exec(theirs, false);
    int result = install_path_libexec(attendant->kind->program, program, err);
    if (result < 0)
        return result;
    int listed = list_arguments(attendant, program, arguments, theirs, &list);
    if (listed == 0)
        hand_relays(attendant, true, &list);
    if (listed < 0 || list.has_failed)
        return error_set(err, ENOMEM, "start the %s", attendant->kind->name);
    const struct process_spec spec = {.argv = (const char *const *)list.items,
                                      .standard_input = -1,
                                      .standard_output = -1,
                                      .standard_error = STDERR_FILENO};
    result = process_start(&spec, &attendant->pid, &pidfd, err);
    hand_relays(attendant, false, NULL);
    return result;
}

int attendant_start(struct keeper *keeper, struct attendant *attendant,
                    const struct attendant_kind *kind, const char *const *arguments,
                    struct error *err)
{
    *attendant = ATTENDANT_NONE;
    attendant->kind = kind;
    attendant->keeper = keeper;
    int result = spawn(attendant, arguments, err);
    if (result == 0)
        result = await_ready(attendant, err);
    if (result == 0) {
        result = event_loop_add(&keeper->loop, attendant->fd, EPOLLIN, on_message, attendant);
        attendant->source = result;
    }
    /* Its end of the socket tells it to end. */
    if (result < 0)
        forget(attendant);
    return result > 0 ? 0 : result;
}

bool attendant_has_ended(const struct attendant *attendant)
{
    char byte;
    return attendant->fd >= 0 &&
           recv(attendant->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

void attendant_end(struct attendant *attendant)
{
    uint64_t deadline = clock_monotonic_ns() + END_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    if (attendant->pid <= 0)
        return;
    shutdown(attendant->fd, SHUT_WR);
    for (uint64_t now; (now = clock_monotonic_ns()) < deadline;) {
        char text[ATTENDANT_MESSAGE_SIZE];
        struct pollfd wait = {.fd = attendant->fd, .events = POLLIN};
        (void)poll(&wait, 1, (int)((deadline - now) / CLOCK_NANOSECONDS_PER_MILLISECOND) + 1);
        ssize_t count = receive(attendant, text);
        if (count == -EAGAIN)
            continue;
        if (count <= 0)
            break;
        take_message(attendant, text, (size_t)count);
    }
    forget(attendant);
}
