/* A queue in one array: compacted when its end is reached, never grown. */
#include "sandbox/attach/buffer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

const uint8_t *buffer_data(const struct buffer *buffer)
{
    return buffer->bytes + buffer->start;
}

size_t buffer_room(const struct buffer *buffer)
{
    return BUFFER_SIZE - buffer_size(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->start = 0;
    buffer->end = 0;
}

static void compact(struct buffer *buffer)
{
    memmove(buffer->bytes, buffer->bytes + buffer->start, buffer_size(buffer));
    buffer->end -= buffer->start;
    buffer->start = 0;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (BUFFER_SIZE - buffer->end < size)
        compact(buffer);
    memcpy(buffer->bytes + buffer->end, data, size);
    buffer->end += size;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    buffer->start += size;
    if (buffer->start == buffer->end)
        buffer_clear(buffer);
}

int buffer_read(struct buffer *buffer, int fd)
{
    ssize_t count;

    if (buffer_room(buffer) == 0)
        return -EAGAIN;
    compact(buffer);
    do {
        count = read(fd, buffer->bytes + buffer->end, BUFFER_SIZE - buffer->end);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    buffer->end += (size_t)count;
    return (int)count;
}

int buffer_write(struct buffer *buffer, int fd)
{
    ssize_t count;

    if (buffer_size(buffer) == 0)
        return 0;
    do {
        count = write(fd, buffer_data(buffer), buffer_size(buffer));
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == EAGAIN ? 0 : -errno;
    buffer_consume(buffer, (size_t)count);
    return 0;
}
