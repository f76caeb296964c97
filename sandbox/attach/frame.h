/*
 * What agent-attach and agentcli-exec say to each other over ATTACH_SOCKET: frames of one machine,
 * in host byte order, each {type, length} and a payload. Both sides parse strictly; the first odd
 * byte ends the connection.
 */
#ifndef ATTACH_FRAME_H
#define ATTACH_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "sandbox/attach/buffer.h"

#define ATTACH_DIRECTORY "/run/agent-attach"
#define ATTACH_SOCKET ATTACH_DIRECTORY "/attach.sock"
#define ATTACH_VERSION 1
/* Payload of one DATA frame: what a terminal is read by, and little enough to queue twice. */
#define FRAME_DATA_MAX 4096
#define FRAME_TERMINAL_SIZE 64
/* Rows or columns: more than any screen, and far from what makes tmux allocate without measure. */
#define FRAME_SIDE_MAX 2000

enum frame_type {
    FRAME_HELLO = 1,  /* client: struct frame_hello; the first frame and only that */
    FRAME_DATA = 2,   /* both: terminal bytes, 1 to FRAME_DATA_MAX */
    FRAME_RESIZE = 3, /* client: struct frame_size */
    FRAME_EXIT = 4,   /* server: struct frame_exit; the last frame */
};

/* Why a client is let go. */
enum frame_exit_reason {
    FRAME_EXIT_DETACHED = 1, /* the person detached; the session goes on */
    FRAME_EXIT_ENDED = 2,    /* the session is over; exit_code is the agent's */
    FRAME_EXIT_BUSY = 3,     /* as many clients as there may be */
    FRAME_EXIT_REFUSED = 4,  /* the client did not speak this protocol */
    FRAME_EXIT_FAILED = 5,   /* tmux would not attach this terminal */
    FRAME_EXIT_REPLACED = 6, /* the one that was silent the longest, when one too many came */
};

struct frame_header {
    uint32_t type;
    uint32_t length; /* of the payload */
};

struct frame_size {
    uint16_t rows;
    uint16_t columns;
};

struct frame_hello {
    uint32_t version;
    struct frame_size size;
    char terminal[FRAME_TERMINAL_SIZE]; /* value of TERM, NUL-terminated */
};

struct frame_exit {
    uint32_t reason;
    int32_t exit_code;
};

/* A frame as it lies in a buffer. */
struct frame {
    uint32_t type;
    uint32_t length;
    const void *payload; /* borrowed from the buffer; not aligned */
};

/*
 * The first frame in BUFFER. 1 with *FRAME set, 0 when it is not complete, -EPROTO when its type is
 * unknown or its length is not one of that type. Release it with buffer_consume(buffer,
 * frame_size_of(frame)).
 */
int frame_peek(const struct buffer *buffer, struct frame *frame);
size_t frame_size_of(const struct frame *frame);

/* Appends a frame. 0, or -ENOBUFS when it does not fit. */
int frame_append(struct buffer *buffer, enum frame_type type, const void *payload, size_t length);

/* Checked copies of a payload: 0, or -EPROTO for what no honest peer sends. */
int frame_read_size(const struct frame *frame, struct frame_size *size);
int frame_read_hello(const struct frame *frame, struct frame_hello *hello);
int frame_read_exit(const struct frame *frame, struct frame_exit *ending);

#endif
