/*
 * The frames of mux.h, and which of them are none. Host byte order: both ends are programs of one
 * machine and one version.
 */
#ifndef BASE_MUX_FRAME_H
#define BASE_MUX_FRAME_H

#include <stdint.h>

#include "lib/base/error.h"

#define MUX_MAGIC 0x584d4143u /* "CAMX" little endian */
/* Connections at once, of all services together. */
#define MUX_CONNECTIONS 288
#define MUX_SERVICES 4
/* The largest message of a connection: above the largest of every protocol that is carried. */
#define MUX_MESSAGE_MAX (160u * 1024)

enum mux_type {
    MUX_READY = 1, /* who takes connections is there: once, before anything else */
    MUX_OPEN = 2,  /* struct mux_caller: somebody connected */
    MUX_DATA = 3,  /* one message, or bytes of a stream */
    MUX_END = 4,   /* this side says no more */
    MUX_CLOSE =
        5, /* this side has closed it; both have to say so before the number is used again */
    MUX_CREDIT = 6, /* uint32_t: so much of what came was passed on */
    MUX_TYPE_COUNT
};

struct mux_header {
    uint32_t magic;
    uint8_t type;    /* enum mux_type */
    uint8_t service; /* of OPEN */
    uint16_t id;     /* of the connection */
    uint32_t size;   /* of what follows */
};

/* Who connected, as the kernel told the side that took the connection (SO_PEERCRED). */
struct mux_caller {
    uint32_t uid;
    uint32_t gid;
};

/* Checks HEADER by itself: magic, a known type, a number and a size that this type may have. 0, or
 * -EPROTO with the reason. */
int mux_frame_check(const struct mux_header *header, struct error *err);

#endif
