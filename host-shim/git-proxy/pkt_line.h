/* git's pkt-line (gitprotocol-common(5)): four hexadecimal digits that count themselves, then
 * bytes. */
#ifndef GIT_PROXY_PKT_LINE_H
#define GIT_PROXY_PKT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PKT_LINE_HEAD 4
/* gitprotocol-common(5): 65,516 bytes of data. */
#define PKT_LINE_MAX 65520

struct pkt_line {
    const char *data; /* borrowed; NULL: a flush, "0000" */
    size_t size;
};

/* The next line of SIZE bytes at DATA. How many bytes it takes, -EAGAIN when it is not whole yet,
 * or -EPROTO; the other special lines ("0001" to "0003") are none here. */
ssize_t pkt_line_read(const char *data, size_t size, struct pkt_line *line);

/* Writes SIZE bytes at DATA as a line into TEXT of ROOM bytes. Its length, or -ENOSPC. */
ssize_t pkt_line_write(char *text, size_t room, const void *data, size_t size);

#endif
