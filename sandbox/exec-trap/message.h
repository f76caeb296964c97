/* Messages of lib/wire/task_protocol.h with their header. */
#ifndef EXEC_TRAP_MESSAGE_H
#define EXEC_TRAP_MESSAGE_H

#include <stddef.h>

#include "lib/wire/task_protocol.h"

/* Sends MESSAGE, which begins with a header that is filled in, and FD (borrowed; -1: none). 0 or
 * -errno. */
int message_send(int socket, enum task_message type, void *message, size_t size, int fd);

#endif
