/* Lets text and colours through to the terminal, and shows every other control as text. */
#include "lib/host/terminal_filter.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/host/printable.h"

#define ESCAPE 0x1b

static size_t escape(const unsigned char *bytes, size_t size, char *output)
{
    for (size_t i = 0; i < size; i++)
        snprintf(output + i * 4, 5, "\\x%02x", bytes[i]);
    return size * 4;
}

/*
 * The length of the colour sequence at BYTES: ESC [ digits and separators m. 0 when it is another
 * sequence; -1 when it may become one.
 */
static int colour_length(const unsigned char *bytes, size_t size)
{
    size_t at = 1;
    if (size > 1 && bytes[1] != '[')
        return 0;
    for (at = 2; at < size && at < TERMINAL_FILTER_PENDING; at++) {
        if (bytes[at] == 'm')
            return (int)at + 1;
        if (strchr("0123456789;:", bytes[at]) == NULL || bytes[at] == '\0')
            return 0;
    }
    return at >= TERMINAL_FILTER_PENDING ? 0 : -1;
}

/* True when the bytes are the beginning of a longer UTF-8 sequence. */
static bool may_grow(const unsigned char *bytes, size_t size)
{
    size_t wanted = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc2 ? 2 : 0;
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return false;
    }
    return size < wanted;
}

/* Handles what begins at BYTES. The bytes used, 0 when more input is needed; *WRITTEN gets what
 * came out. */
static size_t take_one(const unsigned char *bytes, size_t size, char *output, size_t *written)
{
    unsigned int point = 0;
    size_t length = 1;
    bool passes = bytes[0] != '\0' && strchr("\b\t\n\r", bytes[0]) != NULL;
    if (bytes[0] == ESCAPE) {
        int colour = colour_length(bytes, size);
        if (colour < 0)
            return 0;
        passes = colour > 0;
        length = passes ? (size_t)colour : 1;
    } else if (!passes) {
        length = printable_decode(bytes, size, &point);
        if (length == 0 && may_grow(bytes, size))
            return 0;
        passes = length > 0 && !printable_is_hazard(point);
        length = length == 0 ? 1 : length;
    }
    if (passes)
        memcpy(output, bytes, length);
    *written = passes ? length : escape(bytes, length, output);
    return length;
}

static size_t filter_bytes(const unsigned char *bytes, size_t size, char *output, size_t *used)
{
    size_t total = 0;
    size_t at = 0;
    while (at < size) {
        size_t written = 0;
        size_t length = take_one(bytes + at, size - at, output + total, &written);
        if (length == 0)
            break;
        at += length;
        total += written;
    }
    *used = at;
    return total;
}

size_t terminal_filter_run(struct terminal_filter *filter, const void *input, size_t size,
                           char *output)
{
    const unsigned char *bytes = input;
    size_t total = 0;
    size_t used = 0;
    /* What was kept back is completed byte by byte; it is short. */
    while (filter->pending_size > 0 && size > 0) {
        filter->pending[filter->pending_size++] = *bytes++;
        size--;
        total += filter_bytes(filter->pending, filter->pending_size, output + total, &used);
        memmove(filter->pending, filter->pending + used, filter->pending_size - used);
        filter->pending_size -= used;
    }
    total += filter_bytes(bytes, size, output + total, &used);
    memcpy(filter->pending + filter->pending_size, bytes + used, size - used);
    filter->pending_size += size - used;
    return total;
}

size_t terminal_filter_finish(struct terminal_filter *filter, char *output)
{
    size_t written = escape(filter->pending, filter->pending_size, output);
    filter->pending_size = 0;
    return written;
}
