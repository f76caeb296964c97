/* What a runner or sandbox says to a client, checked before anything reads it. */
#ifndef TASK_CLIENT_MESSAGE_H
#define TASK_CLIENT_MESSAGE_H

#include <stddef.h>

#include "lib/wire/task_protocol.h"

/* header.type says which. */
union task_message_of_runner {
    struct task_header header;
    struct task_reply reply;
    struct task_row row;
    struct task_status_row status;
};

/*
 * MESSAGE came with SIZE bytes. 0 when it is whole, with its strings ended and its lengths within
 * them; -EPROTO for another version, or a size that its type does not have.
 */
int task_message_check(union task_message_of_runner *message, size_t size);

/* The bytes of a message of TYPE (enum task_message). */
size_t task_message_size(uint32_t type);

#endif
