/* Reads a log line by line in bounded memory. */
#include "host-shim/commands/audit_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/wire/limits.h"

/* A line with its newline, and one byte more so that a longer one shows. */
#define BUFFER_SIZE (LIMIT_AUDIT_LINE_BYTES + 1)

int audit_lines_open(struct audit_lines *lines, const char *path, struct error *err)
{
    *lines = (struct audit_lines){.fd = -1};
    lines->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (lines->fd < 0)
        return error_set(err, errno, "open '%s'", path);
    lines->buffer = malloc(BUFFER_SIZE);
    return lines->buffer != NULL ? 0 : error_set(err, ENOMEM, "read '%s'", path);
}

void audit_lines_close(struct audit_lines *lines)
{
    cleanup_close(&lines->fd);
    free(lines->buffer);
    lines->buffer = NULL;
}

/* Moves what is left to the front and reads more: how much, or -errno. */
static ssize_t fill(struct audit_lines *lines)
{
    ssize_t count;
    memmove(lines->buffer, lines->buffer + lines->start, lines->used - lines->start);
    lines->used -= lines->start;
    lines->start = 0;
    do
        count = read(lines->fd, lines->buffer + lines->used, BUFFER_SIZE - lines->used);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    lines->used += (size_t)count;
    return count;
}

ssize_t audit_lines_next(struct audit_lines *lines, const char **text)
{
    size_t seen = 0;
    for (;;) {
        size_t left = lines->used - lines->start;
        const char *newline = memchr(lines->buffer + lines->start + seen, '\n', left - seen);
        if (newline != NULL || left == BUFFER_SIZE) {
            size_t size =
                newline == NULL ? left : (size_t)(newline - lines->buffer) - lines->start + 1;
            *text = lines->buffer + lines->start;
            lines->start += size;
            return (ssize_t)size;
        }
        seen = left;
        ssize_t count = fill(lines);
        if (count <= 0)
            return count;
    }
}

size_t audit_lines_rest(const struct audit_lines *lines)
{
    return lines->used - lines->start;
}

bool audit_lines_are_written(const struct audit_lines *lines)
{
    if (flock(lines->fd, LOCK_SH | LOCK_NB) < 0)
        return errno == EWOULDBLOCK || errno == EINTR;
    flock(lines->fd, LOCK_UN);
    return false;
}
