/* Reads when empty, writes until empty: no byte is overtaken by another. */
#include "sandbox/task-client/flow.h"

#include <errno.h>
#include <unistd.h>

bool flow_is_empty(const struct flow *flow)
{
    return flow->start == flow->end;
}

int flow_read(struct flow *flow, int fd)
{
    ssize_t count;

    do
        count = read(fd, flow->data, sizeof(flow->data));
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    flow->start = 0;
    flow->end = (size_t)count;
    return (int)count;
}

int flow_write(struct flow *flow, int fd)
{
    while (!flow_is_empty(flow)) {
        ssize_t count = write(fd, flow->data + flow->start, flow->end - flow->start);

        if (count >= 0)
            flow->start += (size_t)count;
        else if (errno == EAGAIN)
            return -EAGAIN;
        else if (errno != EINTR) {
            flow->start = flow->end;
            return -errno;
        }
    }
    return 0;
}
