/* Bytes on their way from one nonblocking descriptor to another, in a fixed buffer. */
#ifndef TASK_CLIENT_FLOW_H
#define TASK_CLIENT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a terminal hands over in one read, with room to spare. */
#define FLOW_SIZE 8192

struct flow {
    size_t start;
    size_t end;
    uint8_t data[FLOW_SIZE];
};

bool flow_is_empty(const struct flow *flow);

/* Reads into an empty FLOW. The bytes (0: end of file) or -errno. */
int flow_read(struct flow *flow, int fd);

/* Writes what FD takes. 0, or -errno: -EAGAIN when it took not everything; another error empties
 * FLOW. */
int flow_write(struct flow *flow, int fd);

#endif
