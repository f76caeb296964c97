/* Shares extents where the file system can, else copies inside the kernel, else through a buffer.
 */
#include "init/agent-boot/copy_data.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

/* One piece takes a few milliseconds; between two of them a stop is heard. */
#define PIECE_BYTES (8u * 1024 * 1024)
#define BUFFER_BYTES (256u * 1024)

struct stretch {
    off_t at;
    off_t end;
    bool is_short; /* the file ended earlier */
};

/* True when the two file systems can not do it at all; else it was this file's own fault. */
static bool is_refused_for_good(int number)
{
    return number == EXDEV || number == EOPNOTSUPP || number == ENOTTY || number == ENOSYS;
}

static void remember(struct copy_directory *top, enum copy_method refused)
{
    int expected = (int)refused;
    atomic_compare_exchange_strong(&top->method, &expected, (int)refused + 1);
}

static int note(struct copy_pipe *pipe, struct stretch *stretch, size_t count)
{
    stretch->at += (off_t)count;
    atomic_fetch_add(&pipe->run->done.bytes, count);
    return atomic_load(&pipe->run->is_stopped) ? -ECANCELED : 0;
}

static size_t next_size(const struct stretch *stretch, size_t most)
{
    off_t left = stretch->end - stretch->at;
    return left < (off_t)most ? (size_t)left : most;
}

static int write_at(int target, const char *data, size_t size, off_t at)
{
    while (size > 0) {
        ssize_t count = pwrite(target, data, size, at);
        if (count < 0 && errno != EINTR)
            return -errno;
        if (count <= 0)
            continue;
        data += count;
        at += count;
        size -= (size_t)count;
    }
    return 0;
}

static int copy_by_buffer(struct copy_pipe *pipe, int source, int target, struct stretch *stretch)
{
    if (stretch->at < stretch->end && pipe->buffer == NULL) {
        pipe->buffer = malloc(BUFFER_BYTES);
        if (pipe->buffer == NULL)
            return -ENOMEM;
    }
    while (stretch->at < stretch->end) {
        ssize_t count = pread(source, pipe->buffer, next_size(stretch, BUFFER_BYTES), stretch->at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        stretch->is_short = count == 0;
        if (count == 0)
            return 0;
        int result = write_at(target, pipe->buffer, (size_t)count, stretch->at);
        if (result == 0)
            result = note(pipe, stretch, (size_t)count);
        if (result < 0)
            return result;
    }
    return 0;
}

/* What is left of the stretch when the kernel refuses, or says that there is no more: some file
 * systems say so of files that they make up as they are read, copy_file_range(2). */
static int copy_stretch(struct copy_pipe *pipe, struct copy_directory *top, int source, int target,
                        struct stretch *stretch)
{
    while (stretch->at < stretch->end && atomic_load(&top->method) <= COPY_BY_RANGE) {
        off_t from = stretch->at;
        off_t to = from;
        size_t size = next_size(stretch, PIECE_BYTES);
        ssize_t count = copy_file_range(source, &from, target, &to, size, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
            return -errno;
        if (count < 0 && is_refused_for_good(errno))
            remember(top, COPY_BY_RANGE);
        if (count <= 0)
            break;
        int result = note(pipe, stretch, (size_t)count);
        if (result < 0)
            return result;
    }
    return copy_by_buffer(pipe, source, target, stretch);
}

/* No data from AT on: a hole up to the end, or a file that has become shorter than SIZE. */
static void find_end(int source, off_t at, off_t size, struct stretch *stretch)
{
    off_t end = lseek(source, 0, SEEK_END);
    stretch->is_short = end >= 0 && end < size;
    stretch->at = stretch->end = !stretch->is_short ? size : end > at ? end : at;
}

/* The next stretch of data: lseek(2). What was allocated and never written is a hole for most file
 * systems; one that knows of no holes refuses to tell, and has data alone. */
static void find_data(int source, off_t size, struct stretch *stretch)
{
    off_t at = stretch->end;
    off_t begin = lseek(source, at, SEEK_DATA);
    if ((begin < 0 && errno == ENXIO) || begin >= size) {
        find_end(source, at, size, stretch);
        return;
    }
    off_t end = begin < 0 ? size : lseek(source, begin, SEEK_HOLE);
    /* Whatever a file system says: each stretch ends behind where it begins. */
    stretch->at = begin < at ? at : begin;
    stretch->end = end <= stretch->at || end > size ? size : end;
}

static int copy_stretches(struct copy_pipe *pipe, struct copy_directory *top, int source,
                          int target, off_t size)
{
    struct stretch stretch = {.at = 0};
    while (stretch.end < size && !stretch.is_short) {
        find_data(source, size, &stretch);
        int result = copy_stretch(pipe, top, source, target, &stretch);
        if (result < 0)
            return result;
    }
    /* A hole at the end is made by nothing that was written. */
    return ftruncate(target, stretch.is_short ? stretch.at : size) < 0 ? -errno : 0;
}

int copy_data(struct copy_pipe *pipe, struct copy_directory *top, int source, int target,
              const struct stat *status)
{
    if (status->st_size == 0)
        return 0;
    if (atomic_load(&top->method) == COPY_BY_CLONE) {
        if (ioctl(target, FICLONE, source) == 0) {
            atomic_fetch_add(&pipe->run->done.bytes, (uint64_t)status->st_size);
            return 0;
        }
        if (is_refused_for_good(errno))
            remember(top, COPY_BY_CLONE);
    }
    return copy_stretches(pipe, top, source, target, status->st_size);
}
