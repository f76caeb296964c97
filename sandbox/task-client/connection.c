/* Connects, hands a command over, reads replies. */
#include "sandbox/task-client/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/unix_message.h"
#include "lib/base/unix_socket.h"

/* The block, the working directory, three streams. */
#define DESCRIPTORS_MAX 5
/* Between looks whether the runner listens. */
#define RETRY_MS 10
/* Bits of task_run.ignored_signals. */
#define SIGNALS 64

/* Nonblocking, because a full queue of a runner that hangs must not outlast the patience. */
static int try_connect(const struct sockaddr_un *address)
{
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
        fcntl(fd, F_SETFL, 0) < 0)
        return -errno;
    return steal_fd(&fd);
}

static bool may_come(int result)
{
    return result == -ENOENT || result == -ECONNREFUSED || result == -EAGAIN || result == -EINTR;
}

int task_connect(const char *path, uint64_t patience_ms, struct error *err)
{
    uint64_t deadline = clock_monotonic_ns() + patience_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int result;

    if (memccpy(address.sun_path, path, '\0', sizeof(address.sun_path)) == NULL)
        return error_set(err, ENAMETOOLONG, "connect to '%s'", path);
    for (;;) {
        result = try_connect(&address);
        if (!may_come(result) || clock_monotonic_ns() >= deadline)
            break;
        (void)poll(NULL, 0, RETRY_MS);
    }
    if (may_come(result))
        return error_set(err, -result,
                         "the task runner does not answer at '%s' and no command runs without it; "
                         "see agent-initctl status",
                         path);
    return result < 0 ? error_set(err, -result, "connect to the task runner at '%s'", path)
                      : result;
}

uint32_t task_open_streams(void)
{
    uint32_t mask = 0;

    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            mask |= 1u << fd;
    }
    return mask;
}

/* The C library keeps two or three numbers for itself and tells nothing about them. */
static uint64_t ignored_signals(void)
{
    uint64_t ignored = 0;

    for (int number = 1; number <= SIGNALS; number++) {
        struct sigaction action;

        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            ignored |= UINT64_C(1) << (number - 1);
    }
    return ignored;
}

static mode_t current_umask(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return mask;
}

/*
 * A pipe belongs to who made it, and the command is another user, who could write to it and yet not
 * open /dev/stderr. Only descriptors lead to a pipe, so this lets nobody else near it.
 */
static void share_pipe(int fd)
{
    struct statfs status;

    if (fstatfs(fd, &status) == 0 && status.f_type == PIPEFS_MAGIC)
        (void)fchmod(fd, 0666); /* EPERM: it is somebody else's, and stays as it is */
}

int task_send_command(int connection, const struct task_command *command, uint32_t stream_mask,
                      struct error *err)
{
    struct task_run run = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_RUN},
        .flags = command->flags,
        .stream_mask = stream_mask,
        .umask = current_umask(),
        .ignored_signals = ignored_signals(),
    };
    cleanup_fd int block = task_block_make(command, &run, err);
    cleanup_fd int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fds[DESCRIPTORS_MAX] = {block, directory};
    size_t count = 2;
    int result;

    if (block < 0)
        return block;
    if (directory < 0)
        return error_set(err, errno, "open the working directory");
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if ((stream_mask & (1u << fd)) == 0)
            continue;
        share_pipe(fd);
        fds[count++] = fd;
    }
    const struct unix_message message = {
        .data = &run, .size = sizeof(run), .fds = fds, .fd_count = count};
    result = unix_message_send(connection, &message);
    return result < 0 ? error_set(err, -result, "hand the command to the task runner") : 0;
}

int task_receive_any(int connection, union task_message_of_runner *message, int *fd)
{
    struct pollfd wait = {.fd = connection, .events = POLLIN};
    cleanup_fd int received = -1;
    ssize_t size;

    do {
        if (poll(&wait, 1, -1) < 0 && errno != EINTR)
            return -errno;
        size = unix_socket_receive(connection, message, sizeof(*message), &received);
    } while (size == -EAGAIN);
    if (size == 0)
        return -ECONNRESET;
    if (size < 0)
        return (int)size;
    if (task_message_check(message, (size_t)size) < 0)
        return -EPROTO;
    *fd = steal_fd(&received);
    return 0;
}

int task_read_row(int fd, size_t number, union task_message_of_runner *row)
{
    ssize_t size = pread(fd, &row->row, sizeof(row->row), (off_t)(number * sizeof(row->row)));

    if (size <= 0)
        return size < 0 ? -errno : 0;
    return task_message_check(row, (size_t)size) < 0 || row->header.type != TASK_ROW ? -EPROTO : 1;
}

int task_receive(int connection, struct task_reply *reply, int *fd)
{
    union task_message_of_runner message = {.header = {.version = 0}};
    int result = task_receive_any(connection, &message, fd);

    if (result < 0)
        return result;
    if (task_message_size(message.header.type) != sizeof(*reply)) {
        cleanup_close(fd);
        return -EPROTO;
    }
    *reply = message.reply;
    return 0;
}
