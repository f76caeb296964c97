/* The bytes that a mux has for the other side: one buffer, filled while there is room. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/mux_parts.h"

size_t mux_output_room(const struct mux *mux)
{
    return MUX_OUTPUT - (mux->output_end - mux->output_start);
}

char *mux_output_reserve(struct mux *mux, size_t size)
{
    size_t needed = sizeof(struct mux_header) + size;
    if (mux_output_room(mux) < needed)
        return NULL;
    if (MUX_OUTPUT - mux->output_end < needed) {
        memmove(mux->output, mux->output + mux->output_start, mux->output_end - mux->output_start);
        mux->output_end -= mux->output_start;
        mux->output_start = 0;
    }
    return mux->output + mux->output_end + sizeof(struct mux_header);
}

void mux_output_commit(struct mux *mux, const struct mux_header *header)
{
    memcpy(mux->output + mux->output_end, header, sizeof(*header));
    mux->output_end += sizeof(*header) + header->size;
}

bool mux_output_put(struct mux *mux, enum mux_type type, const struct mux_connection *connection,
                    const void *payload, uint32_t size)
{
    struct mux_header header = {.magic = MUX_MAGIC, .type = (uint8_t)type, .size = size};
    char *place = mux_output_reserve(mux, size);
    if (place == NULL)
        return false;
    if (connection != NULL) {
        header.id = (uint16_t)(connection - mux->connections);
        header.service = connection->service;
    }
    if (size > 0)
        memcpy(place, payload, size);
    mux_output_commit(mux, &header);
    return true;
}

int mux_output_write(struct mux *mux)
{
    while (mux->output_start < mux->output_end) {
        ssize_t count = write(mux->plan.output, mux->output + mux->output_start,
                              mux->output_end - mux->output_start);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno != EAGAIN)
            return -errno;
        if (count < 0)
            break;
        mux->output_start += (size_t)count;
    }
    if (mux->output_start == mux->output_end)
        mux->output_start = mux->output_end = 0;
    event_loop_modify(&mux->loop, mux->output_source, mux->output_end > 0 ? EPOLLOUT : 0);
    return 0;
}
