/*
 * The bytes of a root channel frame, without the library that speaks it: what PID 1, which has
 * neither JSON nor malloc, sends as it is. Host byte order: both ends are of one machine.
 */
#ifndef WIRE_CHANNEL_FRAME_H
#define WIRE_CHANNEL_FRAME_H

#include <stdint.h>

#define CHANNEL_MAGIC 0x43414743u /* "CGAC" little endian */
#define CHANNEL_VERSION 1

enum channel_frame_type {
    CHANNEL_HELLO =
        1, /* payload: struct channel_hello; answered by HELLO_REPLY or a closed connection */
    CHANNEL_HELLO_REPLY = 2, /* payload: struct channel_hello of the keeper */
    CHANNEL_EVENT = 3,       /* payload: JSON {"event": NAME, "fields": {...}} */
    CHANNEL_INIT_EVENT = 4,  /* payload: struct init_event, from PID 1 */
    CHANNEL_FLUSH = 5,       /* answered by FLUSHED when everything before is on disk */
    CHANNEL_FLUSHED = 6,
    CHANNEL_EXEC_EVENT = 7,   /* payload: struct exec_event and argv, from the task runner */
    CHANNEL_EXEC_ANSWER = 8,  /* payload: struct exec_answer, to the task runner */
    CHANNEL_ASK_REQUEST = 9,  /* payload: JSON, from who approves: lib/wire/ask.h */
    CHANNEL_ASK_REPLY = 10,   /* payload: JSON, one for each request */
    CHANNEL_DATA = 11,        /* payload: struct data_message and bytes: lib/wire/data_message.h */
    CHANNEL_DATA_ANSWER = 12, /* the same, one for each */
    CHANNEL_FRAME_LAST = CHANNEL_DATA_ANSWER,
};

struct channel_header {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t length; /* bytes of payload after the header */
};

/* What begins a frame of TYPE with SIZE bytes of payload. */
static inline struct channel_header channel_header_of(enum channel_frame_type type, uint32_t size)
{
    return (struct channel_header){
        .magic = CHANNEL_MAGIC, .version = CHANNEL_VERSION, .type = (uint16_t)type, .length = size};
}

enum channel_role {
    CHANNEL_ROLE_BOOT = 1,
    CHANNEL_ROLE_INIT = 2,
    CHANNEL_ROLE_LAUNCHER = 3,
    CHANNEL_ROLE_COLLECT = 4,
    CHANNEL_ROLE_RUNNER = 5,
    CHANNEL_ROLE_APPROVER = 6,
};

struct channel_hello {
    uint32_t version;
    uint32_t role;
    char session[16];
};

#endif
