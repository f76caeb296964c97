/*
 * The root channel between the container's root programs and the keeper on the host:
 * SOCK_SEQPACKET, one frame per message, a versioned hello first. Authority is SO_PEERCRED alone
 * (unix(7)).
 */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "lib/base/error.h"
#include "lib/wire/audit.h"
#include "lib/wire/channel_frame.h"
#include "lib/wire/limits.h"

/*
 * Connects to PATH, says hello as ROLE for SESSION, waits at most TIMEOUT_MS for the reply. Returns
 * the connected fd (owned) or -errno.
 */
int channel_connect(const char *path, enum channel_role role, const char *session,
                    uint32_t timeout_ms, struct error *err);
/* Sends one event frame. FIELDS is borrowed. 0 or -errno (-EAGAIN when the buffer is full). */
int channel_send_event(int fd, enum audit_event event, const json_t *fields, struct error *err);
/* What is waited for: a frame of TYPE, in DATA of ROOM bytes (borrowed), at most TIMEOUT_MS. */
struct channel_wait {
    enum channel_frame_type type;
    void *data;
    size_t room;
    uint32_t timeout_ms;
    bool (*is_cancelled)(void); /* asked meanwhile; true ends it with -ECANCELED. NULL: never */
};

/* Waits for it. *PAYLOAD (borrowed from DATA) and *SIZE are set. 0 or -errno. */
int channel_await(int fd, const struct channel_wait *wait, const void **payload, size_t *size,
                  struct error *err);
/* Sends one frame, waiting at most TIMEOUT_MS for room. 0 or -errno. */
int channel_send_in_time(int fd, enum channel_frame_type type, const void *payload, size_t size,
                         uint32_t timeout_ms);
/* Asks for and awaits FLUSHED. 0 or -errno. */
int channel_flush(int fd, uint32_t timeout_ms, struct error *err);

/*
 * Checks a received datagram of SIZE bytes at DATA: header, length, type. *PAYLOAD (borrowed from
 * DATA) and *PAYLOAD_SIZE are set. 0, or -EPROTO with the reason.
 */
int channel_parse_frame(const void *data, size_t size, struct channel_header *header,
                        const void **payload, size_t *payload_size, struct error *err);
/*
 * The address of the socket at PATH. One longer than an address holds is reached through a
 * descriptor of its directory, *DIRECTORY (owned by the caller, to be kept until connect or bind;
 * else untouched). 0 or -errno.
 */
int channel_address(const char *path, struct sockaddr_un *address, int *directory);
/* Sends one frame of TYPE with PAYLOAD. 0 or -errno. */
int channel_send_frame(int fd, enum channel_frame_type type, const void *payload, size_t size);

#endif
