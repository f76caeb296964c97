/* What a frame may be, whatever state its connection is in. */
#include "lib/base/mux_frame.h"

#include <errno.h>
#include <stddef.h>

#include "lib/base/cleanup.h"

/* clang-format off */
static const struct {
    uint32_t least;
    uint32_t most;
} sizes[MUX_TYPE_COUNT] = {
    [MUX_READY]  = {0, 0},
    [MUX_OPEN]   = {sizeof(struct mux_caller), sizeof(struct mux_caller)},
    [MUX_DATA]   = {1, MUX_MESSAGE_MAX},
    [MUX_END]    = {0, 0},
    [MUX_CLOSE]  = {0, 0},
    [MUX_CREDIT] = {sizeof(uint32_t), sizeof(uint32_t)},
};
/* clang-format on */

int mux_frame_check(const struct mux_header *header, struct error *err)
{
    if (header->magic != MUX_MAGIC)
        return error_set(err, EPROTO, "what came is no frame");
    if (header->type == 0 || header->type >= ARRAY_LENGTH(sizes))
        return error_set(err, EPROTO, "a frame of type %u is not known", header->type);
    if (header->id >= MUX_CONNECTIONS || header->service >= MUX_SERVICES)
        return error_set(err, EPROTO, "a frame of connection %u, service %u", header->id,
                         header->service);
    if (header->size < sizes[header->type].least || header->size > sizes[header->type].most)
        return error_set(err, EPROTO, "a frame of type %u has %u bytes", header->type,
                         header->size);
    return 0;
}
