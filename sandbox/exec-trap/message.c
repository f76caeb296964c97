/* Messages with their header. */
#include "sandbox/exec-trap/message.h"

#include "lib/base/unix_message.h"

int message_send(int socket, enum task_message type, void *message, size_t size, int fd)
{
    const struct unix_message packet = {
        .data = message, .size = size, .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};
    *(struct task_header *)message =
        (struct task_header){.version = TASK_PROTOCOL_VERSION, .type = type};
    return unix_message_send(socket, &packet);
}
