/* Hands connections from the sidecar's end on the host to who serves them. */
#include "lib/host/session_relay.h"

#include <errno.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/unix_message.h"

int session_relay_give(int relay, int connection, const struct mux_caller *caller)
{
    const struct unix_message message = {
        .data = caller, .size = sizeof(*caller), .fds = &connection, .fd_count = 1};
    return unix_message_send(relay, &message);
}

int session_relay_take(int relay, struct ucred *peer)
{
    struct unix_fds received = {.count = 0};
    struct mux_caller caller;
    ssize_t size = unix_message_receive(relay, &caller, sizeof(caller), &received);
    cleanup_fd int fd = size < 0 ? -1 : unix_fds_take(&received, 0);
    unix_fds_close(&received);
    if (size <= 0)
        return size < 0 ? (int)size : -EPIPE;
    if (size != (ssize_t)sizeof(caller) || fd < 0)
        return -EPROTO;
    *peer = (struct ucred){.pid = 0, .uid = caller.uid, .gid = caller.gid};
    return steal_fd(&fd);
}

bool session_relay_is_gone(int relay)
{
    char byte;
    return recv(relay, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

void session_relay_map(struct uid_map *map)
{
    *map = (struct uid_map){.rows = {{.inside = 0, .outside = 0, .count = UINT32_MAX}}, .count = 1};
}
