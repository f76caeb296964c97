/* SOCK_SEQPACKET over AF_UNIX. */
#include "lib/base/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

/* asm-generic/socket.h, newer than that of Debian 12 */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

void unix_socket_refuse_descriptors(int fd)
{
    const int none = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &none, sizeof(none));
}

/* A socket of TYPE. */
static int listen_at(const char *path, int type, mode_t mode, int backlog, bool takes_descriptors)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (memccpy(address.sun_path, path, '\0', sizeof(address.sun_path)) == NULL)
        return -ENAMETOOLONG;
    cleanup_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (!takes_descriptors)
        unix_socket_refuse_descriptors(fd);
    unlink(path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, mode) < 0 ||
        listen(fd, backlog) < 0)
        return -errno;
    return steal_fd(&fd);
}

int unix_socket_listen(const char *path, mode_t mode, int backlog)
{
    return listen_at(path, SOCK_SEQPACKET, mode, backlog, false);
}

int unix_socket_listen_stream(const char *path, mode_t mode, int backlog)
{
    return listen_at(path, SOCK_STREAM, mode, backlog, false);
}

int unix_socket_listen_for_descriptors(const char *path, mode_t mode, int backlog)
{
    return listen_at(path, SOCK_SEQPACKET, mode, backlog, true);
}

int unix_socket_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (memccpy(address.sun_path, path, '\0', sizeof(address.sun_path)) == NULL)
        return -ENAMETOOLONG;
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return steal_fd(&fd);
}

int unix_socket_accept(int fd, uid_t *uid)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    cleanup_fd int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0 || getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    *uid = peer.uid;
    return steal_fd(&connection);
}

/* The space for one descriptor is padded to that of two: what is not wanted is closed. */
static int take_descriptor(struct msghdr *header)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    int first = -1;
    if (rights == NULL || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
        return -1;
    size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(rights) + i * sizeof(fd), sizeof(fd));
        if (i == 0)
            first = fd;
        else
            close(fd);
    }
    return first;
}

ssize_t unix_socket_receive(int fd, void *data, size_t size, int *received)
{
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(sizeof(size_t))));
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    ssize_t length;
    /* ECONNRESET, once: the peer ended with something unread; what it said before that is still
     * here.
     */
    do
        length = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (length < 0 && (errno == EINTR || errno == ECONNRESET));
    if (length < 0)
        return -errno;
    *received = take_descriptor(&header);
    return length;
}
