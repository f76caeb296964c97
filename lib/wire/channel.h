/*
 * The root channel between the container's root programs and the keeper on the host: SOCK_SEQPACKET, one
 * frame per message, a versioned hello first. Authority is SO_PEERCRED alone (unix(7)).
 */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/audit.h"
#include "lib/wire/limits.h"

#define CHANNEL_MAGIC 0x43414743u /* "CGAC" little endian */
#define CHANNEL_VERSION 1

enum channel_frame_type {
    CHANNEL_HELLO = 1,       /* payload: struct channel_hello; answered by HELLO_REPLY or a closed connection */
    CHANNEL_HELLO_REPLY = 2, /* payload: struct channel_hello of the keeper */
    CHANNEL_EVENT = 3,       /* payload: JSON {"event": NAME, "fields": {...}} */
    CHANNEL_INIT_EVENT = 4,  /* payload: struct init_event, from PID 1 */
    CHANNEL_FLUSH = 5,       /* answered by FLUSHED when everything before is on disk */
    CHANNEL_FLUSHED = 6,
};

struct channel_header {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t length; /* bytes of payload after the header */
};

enum channel_role { CHANNEL_ROLE_BOOT = 1, CHANNEL_ROLE_INIT = 2, CHANNEL_ROLE_LAUNCHER = 3, CHANNEL_ROLE_COLLECT = 4 };

struct channel_hello {
    uint32_t version;
    uint32_t role;
    char session[16];
};

/*
 * Connects to PATH, says hello as ROLE for SESSION, waits at most TIMEOUT_MS for the reply. Returns the
 * connected fd (owned) or -errno.
 */
int channel_connect(const char *path, enum channel_role role, const char *session, uint32_t timeout_ms,
                    struct error *err);
/* Sends one event frame. FIELDS is borrowed. 0 or -errno (-EAGAIN when the buffer is full). */
int channel_send_event(int fd, enum audit_event event, const json_t *fields, struct error *err);
/* Asks for and awaits FLUSHED. 0 or -errno. */
int channel_flush(int fd, uint32_t timeout_ms, struct error *err);

/*
 * Checks a received datagram of SIZE bytes at DATA: header, length, type. *PAYLOAD (borrowed from DATA) and
 * *PAYLOAD_SIZE are set. 0, or -EPROTO with the reason.
 */
int channel_parse_frame(const void *data, size_t size, struct channel_header *header,
                        const void **payload, size_t *payload_size, struct error *err);
/* Sends one frame of TYPE with PAYLOAD. 0 or -errno. */
int channel_send_frame(int fd, enum channel_frame_type type, const void *payload, size_t size);

#endif
