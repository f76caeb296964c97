/* A bounded queue of bytes between two descriptors. Its room is what one side may still read for
 * the other. */
#ifndef ATTACH_BUFFER_H
#define ATTACH_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#define BUFFER_SIZE 65536

struct buffer {
    size_t start;
    size_t end;
    uint8_t bytes[BUFFER_SIZE];
};

size_t buffer_size(const struct buffer *buffer);
const uint8_t *buffer_data(const struct buffer *buffer); /* borrowed until the buffer changes */
size_t buffer_room(const struct buffer *buffer);
void buffer_clear(struct buffer *buffer);

/* Appends SIZE bytes, which must not be more than the room. */
void buffer_append(struct buffer *buffer, const void *data, size_t size);
/* Forgets the first SIZE bytes. */
void buffer_consume(struct buffer *buffer, size_t size);

/*
 * One read(2) of FD into the room. The bytes read; 0 at the end of the file; -EAGAIN when there is
 * nothing now or no room; -errno.
 */
int buffer_read(struct buffer *buffer, int fd);
/* One write(2) to FD of what is queued. 0, also when FD takes nothing now, or -errno. */
int buffer_write(struct buffer *buffer, int fd);

#endif
