/* One sendmsg or recvmsg, and the control data beside the bytes. */
#include "lib/base/unix_message.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(UNIX_MESSAGE_FDS_MAX * sizeof(int))];
};

int unix_message_send(int socket, const struct unix_message *message)
{
    union control control = {.space = {0}};
    struct iovec parts[] = {
        {.iov_base = (void *)(uintptr_t)message->data, .iov_len = message->size},
        {.iov_base = (void *)(uintptr_t)message->tail, .iov_len = message->tail_size},
    };
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = message->tail == NULL ? 1 : 2};
    if (message->fd_count > UNIX_MESSAGE_FDS_MAX)
        return -EINVAL;
    if (message->fd_count > 0) {
        size_t bytes = message->fd_count * sizeof(int);
        packet.msg_control = control.space;
        packet.msg_controllen = (socklen_t)CMSG_SPACE(bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = (socklen_t)CMSG_LEN(bytes);
        memcpy(CMSG_DATA(header), message->fds, bytes);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/* A socket without SO_PASSCRED and its like gets no other control data, and all descriptors in one.
 */
static void take_descriptors(struct msghdr *packet, struct unix_fds *received)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(packet);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
        if (received->count < UNIX_MESSAGE_FDS_MAX)
            received->fds[received->count++] = fd;
        else
            close(fd);
    }
}

ssize_t unix_message_receive(int socket, void *data, size_t size, struct unix_fds *received)
{
    union control control = {.space = {0}};
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr packet = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof(control.space)};
    ssize_t length;
    *received = (struct unix_fds){.count = 0};
    /* ECONNRESET, once: the peer ended with something unread; what it said before that is still
     * here.
     */
    do
        length = recvmsg(socket, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (length < 0 && (errno == EINTR || errno == ECONNRESET));
    if (length < 0)
        return -errno;
    take_descriptors(&packet, received);
    if ((packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        unix_fds_close(received);
        return -EMSGSIZE;
    }
    return length;
}

void unix_fds_close(struct unix_fds *fds)
{
    for (size_t i = 0; i < fds->count; i++)
        cleanup_close(&fds->fds[i]);
    fds->count = 0;
}

int unix_fds_take(struct unix_fds *fds, size_t number)
{
    return number < fds->count ? steal_fd(&fds->fds[number]) : -1;
}
