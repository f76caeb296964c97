/* Whole reads and writes, atomic replacement of files, descriptor flags. */
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"

int fd_write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

void fd_write_text(int fd, const char *text)
{
    (void)fd_write_all(fd, text, strlen(text));
}

/* Grows by doubling; one byte is kept for the terminator. */
static int grow(char **buffer, size_t *capacity, size_t limit)
{
    size_t wanted = *capacity == 0 ? 4096 : *capacity * 2;
    if (wanted > limit + 2)
        wanted = limit + 2;
    char *larger = realloc(*buffer, wanted);
    if (larger == NULL)
        return -ENOMEM;
    *buffer = larger;
    *capacity = wanted;
    return 0;
}

int fd_read_all(int fd, size_t limit, char **data, size_t *size)
{
    cleanup_free char *buffer = NULL;
    size_t capacity = 0;
    size_t used = 0;
    for (;;) {
        if (used + 1 >= capacity) {
            int result = grow(&buffer, &capacity, limit);
            if (result < 0)
                return result;
        }
        ssize_t count = read(fd, buffer + used, capacity - used - 1);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (count == 0)
            break;
        used += (size_t)count;
        if (used > limit)
            return -EFBIG;
    }
    buffer[used] = '\0';
    *data = steal_pointer(&buffer);
    *size = used;
    return 0;
}

int fd_read_file(int dirfd, const char *path, size_t limit, char **data, size_t *size,
                 struct error *err)
{
    /* O_NONBLOCK: a FIFO put in the file's place must not hold us up before fstat has seen it. */
    cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return error_set(err, errno, "open '%s'", path);
    struct stat status;
    if (fstat(fd, &status) < 0)
        return error_set(err, errno, "stat '%s'", path);
    if (!S_ISREG(status.st_mode))
        return error_set(err, EINVAL, "'%s' is not a regular file", path);
    int result = fd_read_all(fd, limit, data, size);
    if (result < 0)
        return error_set(err, -result, "read '%s' (at most %zu bytes)", path, limit);
    return 0;
}

static int write_and_sync(int fd, const void *data, size_t size)
{
    int result = fd_write_all(fd, data, size);
    if (result == 0 && fsync(fd) < 0)
        result = -errno;
    return result;
}

int fd_write_new(int dirfd, const char *path, const void *data, size_t size, mode_t mode,
                 struct error *err)
{
    cleanup_fd int fd =
        openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return error_set(err, errno, "create '%s'", path);
    int result = write_and_sync(fd, data, size);
    if (result == 0 && fchmod(fd, mode) < 0)
        result = -errno;
    if (result < 0) {
        unlinkat(dirfd, path, 0);
        return error_set(err, -result, "write '%s'", path);
    }
    return 0;
}

int fd_write_file(int dirfd, const char *path, const void *data, size_t size, mode_t mode,
                  struct error *err)
{
    char temporary[PATH_MAX];
    if (path_format(temporary, "%s.%d.new", path, (int)getpid()) < 0)
        return error_set(err, ENAMETOOLONG, "write '%s'", path);
    int result = fd_write_new(dirfd, temporary, data, size, mode, err);
    if (result < 0)
        return result;
    if (renameat(dirfd, temporary, dirfd, path) < 0) {
        result = error_set(err, errno, "write '%s'", path);
        unlinkat(dirfd, temporary, 0);
    }
    return result;
}

static int change_flags(int fd, int get, int set, int bit, bool enabled)
{
    int flags = fcntl(fd, get);
    if (flags < 0)
        return -errno;
    flags = enabled ? flags | bit : flags & ~bit;
    return fcntl(fd, set, flags) < 0 ? -errno : 0;
}

int fd_set_close_on_exec(int fd, bool enabled)
{
    return change_flags(fd, F_GETFD, F_SETFD, FD_CLOEXEC, enabled);
}

int fd_set_nonblocking(int fd, bool enabled)
{
    return change_flags(fd, F_GETFL, F_SETFL, O_NONBLOCK, enabled);
}

int fd_close_on_exec_from(int first, const int *keep, size_t keep_count)
{
    unsigned int from = (unsigned int)first;
    for (size_t i = 0; i < keep_count; i++) {
        unsigned int kept = (unsigned int)keep[i];
        if (kept > from) {
            int result = sys_close_range(from, kept - 1, CLOSE_RANGE_CLOEXEC);
            if (result < 0)
                return result;
        }
        if (kept >= from)
            from = kept + 1;
    }
    return sys_close_range(from, UINT_MAX, CLOSE_RANGE_CLOEXEC);
}

int fd_ensure_standard(void)
{
    for (;;) {
        int fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            return -errno;
        if (fd > STDERR_FILENO) {
            close(fd);
            return 0;
        }
    }
}
