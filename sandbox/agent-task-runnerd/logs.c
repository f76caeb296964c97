/* What detached commands say: drained from a pipe into memory, up to a limit. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/agent-task-runnerd/runner.h"

#define READ_SIZE 16384

static void end_pipe(struct sandbox *sandbox)
{
    if (sandbox->log_pipe < 0)
        return;
    event_loop_remove(&sandbox->runner->loop, sandbox->log_source);
    cleanup_close(&sandbox->log_pipe);
}

static void keep(struct sandbox *sandbox, const char *data, size_t size)
{
    static const char mark[] = "\n[the rest was not kept]\n";
    if (sandbox->log_size >= LOG_MAX)
        return;
    size_t room = LOG_MAX - sandbox->log_size;
    bool is_last = size >= room;
    if (fd_write_all(sandbox->log, data, is_last ? room : size) < 0)
        return; /* no memory: what is there stays */
    sandbox->log_size += (uint32_t)(is_last ? room : size);
    if (is_last)
        (void)fd_write_all(sandbox->log, mark, sizeof(mark) - 1);
}

static void on_output(void *context, uint32_t events)
{
    struct sandbox *sandbox = context;
    char data[READ_SIZE];
    (void)events;
    ssize_t count = read(sandbox->log_pipe, data, sizeof(data));
    if (count > 0)
        keep(sandbox, data, (size_t)count);
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        end_pipe(sandbox);
}

int log_open(struct sandbox *sandbox, int *write_end)
{
    struct runner *runner = sandbox->runner;
    int ends[2];
    cleanup_fd int log = memfd_create("log", MFD_CLOEXEC);
    if (log < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    cleanup_fd int read_end = ends[0];
    cleanup_fd int theirs = ends[1];
    int result = fd_set_nonblocking(read_end, true);
    if (result == 0)
        result = event_loop_add(&runner->loop, read_end, EPOLLIN, on_output, sandbox);
    if (result < 0)
        return result;
    sandbox->log_source = result;
    sandbox->log_size = 0;
    sandbox->log = steal_fd(&log);
    sandbox->log_pipe = steal_fd(&read_end);
    *write_end = steal_fd(&theirs);
    return 0;
}

void log_close(struct sandbox *sandbox)
{
    end_pipe(sandbox);
    cleanup_close(&sandbox->log);
}

int log_share(const struct sandbox *sandbox)
{
    char path[32];
    if (sandbox->log < 0)
        return -ENOENT;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", sandbox->log);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
