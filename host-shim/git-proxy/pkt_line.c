/* Reads and writes single pkt-lines. */
#include "host-shim/git-proxy/pkt_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int digit_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

ssize_t pkt_line_read(const char *data, size_t size, struct pkt_line *line)
{
    size_t length = 0;
    for (size_t i = 0; i < PKT_LINE_HEAD; i++) {
        if (i == size)
            return -EAGAIN;
        int digit = digit_of(data[i]);
        if (digit < 0)
            return -EPROTO;
        length = length * 16 + (size_t)digit;
    }
    if (length > PKT_LINE_MAX || (length > 0 && length < PKT_LINE_HEAD))
        return -EPROTO;
    if (length == 0) {
        *line = (struct pkt_line){.data = NULL};
        return PKT_LINE_HEAD;
    }
    if (length > size)
        return -EAGAIN;
    *line = (struct pkt_line){.data = data + PKT_LINE_HEAD, .size = length - PKT_LINE_HEAD};
    return (ssize_t)length;
}

ssize_t pkt_line_write(char *text, size_t room, const void *data, size_t size)
{
    char head[PKT_LINE_HEAD + 1];
    if (size > PKT_LINE_MAX - PKT_LINE_HEAD || room < size + PKT_LINE_HEAD)
        return -ENOSPC;
    snprintf(head, sizeof(head), "%04zx", size + PKT_LINE_HEAD);
    memcpy(text, head, PKT_LINE_HEAD);
    memcpy(text + PKT_LINE_HEAD, data, size);
    return (ssize_t)(size + PKT_LINE_HEAD);
}
