/* What the task runner and the keeper say on the root channel beside events. Pure. */
#ifndef EXEC_TRAP_KEEPER_FRAME_H
#define EXEC_TRAP_KEEPER_FRAME_H

#include <stddef.h>

#include "lib/wire/channel_frame.h"
#include "lib/wire/exec_event.h"

/* From its header on as it is sent: nothing lies between its parts. */
struct keeper_frame {
    uint32_t padding; /* the payload's place is a multiple of 8 */
    struct channel_header header;
    union {
        struct channel_hello hello;
        struct exec_answer answer;
    } payload;
};

/* Of what the keeper sends, the longest. */
#define KEEPER_FRAME_SIZE (sizeof(struct channel_header) + sizeof(struct exec_answer))

/* The runner's hello for SESSION. The bytes to send. */
size_t keeper_frame_greet(struct keeper_frame *frame, const char *session);

/*
 * SIZE bytes came from the keeper. The answer that they are, one of the two there are, with strings
 * that end; NULL for anything else. Borrowed from FRAME.
 */
const struct exec_answer *keeper_frame_answer(struct keeper_frame *frame, size_t size);

#endif
