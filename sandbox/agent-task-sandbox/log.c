/* Drains a pipe into memory. */
#include "sandbox/agent-task-sandbox/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#define READ_SIZE 16384
#define LOG_MAX (1024u * 1024)

int log_open(struct log *log, struct streams *streams)
{
    int ends[2];
    cleanup_fd int memory = memfd_create("log", MFD_CLOEXEC);
    cleanup_fd int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (memory < 0 || nothing < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    cleanup_fd int output = ends[0];
    cleanup_fd int input = ends[1];
    cleanup_fd int errors = fcntl(input, F_DUPFD_CLOEXEC, STREAM_COUNT);
    if (errors < 0)
        return -errno;
    /* What is kept is for reading; and by others only through what log_share gives them. */
    if (fd_set_nonblocking(output, true) < 0 || fchmod(memory, 0400) < 0)
        return -errno;
    *log = (struct log){.memory = steal_fd(&memory), .output = steal_fd(&output)};
    streams->items[0].fd = steal_fd(&nothing);
    streams->items[1].fd = steal_fd(&input);
    streams->items[2].fd = steal_fd(&errors);
    return 0;
}

static void keep(struct log *log, const char *data, size_t size)
{
    static const char mark[] = "\n[the rest was not kept]\n";
    size_t room = LOG_MAX - log->size;
    bool is_last = size >= room;

    if (room == 0 || fd_write_all(log->memory, data, is_last ? room : size) < 0)
        return; /* no memory: what is there stays */
    log->size += is_last ? room : size;
    if (is_last)
        (void)fd_write_all(log->memory, mark, sizeof(mark) - 1);
}

enum log_result log_take(struct log *log)
{
    char data[READ_SIZE];
    ssize_t count = read(log->output, data, sizeof(data));

    if (count > 0)
        keep(log, data, (size_t)count);
    else if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return LOG_NOTHING;
    return count > 0 ? LOG_MORE : LOG_END;
}

int log_share(const struct log *log)
{
    char path[32];
    int fd;

    if (log->memory < 0)
        return -ENOENT;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", log->memory);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
