/* Frames of the attach socket: the one place where their bytes are looked at. */
#include "sandbox/attach/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/cleanup.h"

struct frame_rule {
    uint32_t minimum;
    uint32_t maximum;
};

/* clang-format off */
static const struct frame_rule rules[] = {
    [FRAME_HELLO]  = {.minimum = sizeof(struct frame_hello), .maximum = sizeof(struct frame_hello)},
    [FRAME_DATA]   = {.minimum = 1,                          .maximum = FRAME_DATA_MAX},
    [FRAME_RESIZE] = {.minimum = sizeof(struct frame_size),  .maximum = sizeof(struct frame_size)},
    [FRAME_EXIT]   = {.minimum = sizeof(struct frame_exit),  .maximum = sizeof(struct frame_exit)},
};
/* clang-format on */

static bool is_lawful(const struct frame_header *header)
{
    return header->type != 0 && header->type < ARRAY_LENGTH(rules) &&
           header->length >= rules[header->type].minimum &&
           header->length <= rules[header->type].maximum;
}

int frame_peek(const struct buffer *buffer, struct frame *frame)
{
    struct frame_header header;

    if (buffer_size(buffer) < sizeof(header))
        return 0;
    memcpy(&header, buffer_data(buffer), sizeof(header));
    if (!is_lawful(&header))
        return -EPROTO;
    if (buffer_size(buffer) < sizeof(header) + header.length)
        return 0;
    *frame = (struct frame){.type = header.type,
                            .length = header.length,
                            .payload = buffer_data(buffer) + sizeof(header)};
    return 1;
}

size_t frame_size_of(const struct frame *frame)
{
    return sizeof(struct frame_header) + frame->length;
}

int frame_append(struct buffer *buffer, enum frame_type type, const void *payload, size_t length)
{
    struct frame_header header = {.type = type, .length = (uint32_t)length};

    if (buffer_room(buffer) < sizeof(header) + length)
        return -ENOBUFS;
    buffer_append(buffer, &header, sizeof(header));
    buffer_append(buffer, payload, length);
    return 0;
}

static bool is_screen(const struct frame_size *size)
{
    return size->rows > 0 && size->rows <= FRAME_SIDE_MAX && size->columns > 0 &&
           size->columns <= FRAME_SIDE_MAX;
}

int frame_read_size(const struct frame *frame, struct frame_size *size)
{
    struct frame_size copy;

    if (frame->type != FRAME_RESIZE)
        return -EPROTO;
    memcpy(&copy, frame->payload, sizeof(copy));
    if (!is_screen(&copy))
        return -EPROTO;
    *size = copy;
    return 0;
}

/* A name for terminfo becomes part of a path: letters, digits and "+-._", no leading dot. */
static bool is_terminal_name(const char *name, size_t size)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._";

    return memchr(name, '\0', size) != NULL && name[0] != '\0' && name[0] != '.' &&
           name[strspn(name, allowed)] == '\0';
}

int frame_read_hello(const struct frame *frame, struct frame_hello *hello)
{
    struct frame_hello copy;

    if (frame->type != FRAME_HELLO)
        return -EPROTO;
    memcpy(&copy, frame->payload, sizeof(copy));
    if (copy.version != ATTACH_VERSION || !is_screen(&copy.size) ||
        !is_terminal_name(copy.terminal, sizeof(copy.terminal)))
        return -EPROTO;
    *hello = copy;
    return 0;
}

int frame_read_exit(const struct frame *frame, struct frame_exit *ending)
{
    struct frame_exit copy;

    if (frame->type != FRAME_EXIT)
        return -EPROTO;
    memcpy(&copy, frame->payload, sizeof(copy));
    if (copy.reason < FRAME_EXIT_DETACHED || copy.reason > FRAME_EXIT_REPLACED ||
        copy.exit_code < 0 || copy.exit_code > 255)
        return -EPROTO;
    *ending = copy;
    return 0;
}
