/* Builds the root of a profile's sandboxes and forks them off on demand. */
#include "sandbox/agent-task-sandbox/maker.h"

#include <errno.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/syscalls.h"
#include "lib/base/unix_message.h"
#include "lib/wire/task_protocol.h"
#include "sandbox/agent-task-sandbox/init.h"
#include "sandbox/agent-task-sandbox/root.h"

/* Where its end of the socket lies in a maker: nothing of the service's is open above. */
#define MAKER_SOCKET 3
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC)
/* A few dozen mounts take milliseconds; this is for a machine that is busy with much else. */
#define BUILD_PATIENCE_MS 10000
/* The runner reads what it asked for. */
#define ANSWER_PATIENCE_MS 1000

struct maker {
    const struct settings *settings;
    struct task_make make;
    int connection; /* owned; to answer on; -1: there was no descriptor for it */
};

/* Without a connection the service passes it on. */
static void answer(const struct maker *maker, const struct unix_message *message)
{
    int socket = maker->connection >= 0 ? maker->connection : MAKER_SOCKET;
    struct pollfd poll_socket = {.fd = socket, .events = POLLOUT};
    int result = unix_message_send(socket, message);

    if (result == -EAGAIN && poll(&poll_socket, 1, ANSWER_PATIENCE_MS) > 0)
        (void)unix_message_send(socket, message); /* else it asks again, or is gone */
}

static void answer_error(const struct maker *maker, int error)
{
    struct task_reply reply = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_ERROR},
        .code = (uint32_t)error,
    };
    const struct unix_message message = {.data = &reply, .size = sizeof(reply)};

    memcpy(reply.id, maker->make.id, sizeof(reply.id));
    snprintf(reply.text, sizeof(reply.text), "make a sandbox: %s", strerror(error));
    answer(maker, &message);
}

static void answer_made(const struct maker *maker, pid_t pid, const int fds[2])
{
    struct task_made made = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_MADE},
        .pid = pid,
        .generation = maker->settings->generation,
    };
    const struct unix_message message = {
        .data = &made, .size = sizeof(made), .fds = fds, .fd_count = 2};

    memcpy(made.id, maker->make.id, sizeof(made.id));
    answer(maker, &message);
}

static void make(const struct maker *maker)
{
    uint64_t flags = NAMESPACES | CLONE_PIDFD;
    int ends[2];
    int pidfd = -1;
    pid_t pid;

    if (maker->settings->profile->has_no_network)
        flags |= CLONE_NEWNET;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        answer_error(maker, errno);
        return;
    }
    pid = sys_fork(flags, &pidfd);
    if (pid == 0) {
        close(MAKER_SOCKET);
        close(maker->connection);
        close(ends[0]);
        init_run(maker->settings, ends[1], maker->make.id);
    }
    if (pid < 0)
        answer_error(maker, -pid);
    else
        answer_made(maker, pid, (const int[]){ends[0], pidfd});
    close(ends[0]);
    close(ends[1]);
    if (pidfd >= 0)
        close(pidfd);
}

/* Until the service closes its end, or dies. */
static void serve(struct maker *maker)
{
    for (;;) {
        struct pollfd poll_socket = {.fd = MAKER_SOCKET, .events = POLLIN};
        struct unix_fds fds = {.count = 0};
        ssize_t size;

        if (poll(&poll_socket, 1, -1) < 0 && errno != EINTR)
            return;
        size = unix_message_receive(MAKER_SOCKET, &maker->make, sizeof(maker->make), &fds);
        maker->connection = unix_fds_take(&fds, 0);
        unix_fds_close(&fds);
        if (size == sizeof(maker->make) && maker->connection >= 0)
            make(maker);
        else if (size == -EMSGSIZE) /* all but the descriptor has come */
            answer_error(maker, EMFILE);
        cleanup_close(&maker->connection);
        if (size != sizeof(maker->make) && size != -EAGAIN && size != -EMSGSIZE)
            return;
    }
}

/* Every sandbox inherits this filter; one of its own costs more than all its other fences. */
static int prepare(struct error *err)
{
    int result = root_build(err);

    return result < 0 ? result : seccomp_filter_load(SANDBOX_FILTER_EARLY, err);
}

/* Tells the service what became of the root: a message, empty when it stands. */
static void run(const struct settings *settings, int socket) __attribute__((noreturn));

static void run(const struct settings *settings, int socket)
{
    struct maker maker = {.settings = settings, .connection = -1};
    struct error err = ERROR_INITIALIZER;
    ssize_t sent;

    if (dup2(socket, MAKER_SOCKET) < 0 || sys_close_range(MAKER_SOCKET + 1, UINT_MAX, 0) < 0)
        _exit(EXIT_FAILURE);
    sys_reset_signal_dispositions();
    /* What it makes belongs to the runner, which watches it; here nobody waits for it. */
    (void)signal(SIGCHLD, SIG_IGN);
    if (prepare(&err) < 0 && err.number == 0)
        error_set(&err, EPROTO, "build the root");
    do
        sent = send(MAKER_SOCKET, &err, sizeof(err), MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent == sizeof(err) && err.message[0] == '\0')
        serve(&maker);
    _exit(EXIT_SUCCESS);
}

static int wait_for_root(int socket, struct error *err)
{
    struct pollfd poll_socket = {.fd = socket, .events = POLLIN};
    struct error answered;
    ssize_t count;
    int ready;

    do
        ready = poll(&poll_socket, 1, BUILD_PATIENCE_MS);
    while (ready < 0 && errno == EINTR);
    do
        count = ready <= 0 ? -1 : recv(socket, &answered, sizeof(answered), 0);
    while (count < 0 && ready > 0 && errno == EINTR);
    if (count != sizeof(answered))
        return error_set(err, ETIMEDOUT, "wait for the root of sandboxes");
    if (answered.message[0] == '\0')
        return 0;
    *err = answered;
    return answered.number > 0 ? -answered.number : -EPROTO;
}

int maker_start(const struct settings *settings, int *socket, struct error *err)
{
    int ends[2];
    pid_t pid;
    int result;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set(err, errno, "make a socket");
    cleanup_fd int ours = ends[0];
    cleanup_fd int theirs = ends[1];
    pid = fork();
    if (pid < 0)
        return error_set(err, errno, "fork");
    if (pid == 0)
        run(settings, theirs);
    cleanup_close(&theirs);
    result = wait_for_root(ours, err);
    if (result < 0)
        return error_prefix(err, "profile '%s'", settings->profile->name);
    *socket = steal_fd(&ours);
    return 0;
}
