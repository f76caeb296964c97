/* Checks frames of the root channel. */
#include <errno.h>
#include <string.h>

#include "lib/wire/channel.h"

int channel_parse_frame(const void *data, size_t size, struct channel_header *header,
                        const void **payload, size_t *payload_size, struct error *err)
{
    struct channel_header parsed;
    if (size < sizeof(parsed))
        return error_set(err, EPROTO, "the frame is shorter than its header");
    memcpy(&parsed, data, sizeof(parsed));
    if (parsed.magic != CHANNEL_MAGIC)
        return error_set(err, EPROTO, "the frame has another magic number");
    if (parsed.version != CHANNEL_VERSION)
        return error_set(err, EPROTO, "the frame has version %u, %d is known", parsed.version,
                         CHANNEL_VERSION);
    if (size > LIMIT_CHANNEL_FRAME_BYTES || parsed.length != size - sizeof(parsed))
        return error_set(err, EPROTO, "the frame is not as long as its header says");
    if (parsed.type < CHANNEL_HELLO || parsed.type > CHANNEL_FRAME_LAST)
        return error_set(err, EPROTO, "the frame has the unknown type %u", parsed.type);
    *header = parsed;
    *payload = (const char *)data + sizeof(parsed);
    *payload_size = parsed.length;
    return 0;
}
