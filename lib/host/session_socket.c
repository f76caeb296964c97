/* Listens where a session's sockets lie, however long the path to them is. */
#include "lib/host/session_socket.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/channel.h"

/* A socket of TYPE. */
static int listen_at(const char *directory, const char *name, int type, mode_t mode, int backlog,
                     struct error *err)
{
    char path[PATH_MAX];
    struct sockaddr_un address;
    cleanup_fd int parent = -1;
    cleanup_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(err, errno, "make a socket");
    if (path_format(path, "%s/%s", directory, name) < 0)
        return error_set(err, ENAMETOOLONG, "the runtime directory");
    int result = channel_address(path, &address, &parent);
    if (result < 0)
        return error_set(err, -result, "the socket '%s'", path);
    unix_socket_refuse_descriptors(fd);
    /* One may be left of a process that was killed; the keeper starts one of a kind at a time. */
    unlink(path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, mode) < 0 ||
        listen(fd, backlog) < 0)
        return error_set(err, errno, "listen at '%s'", path);
    return steal_fd(&fd);
}

int session_socket_listen(const char *directory, const char *name, mode_t mode, int backlog,
                          struct error *err)
{
    return listen_at(directory, name, SOCK_SEQPACKET, mode, backlog, err);
}

int session_socket_listen_stream(const char *directory, const char *name, mode_t mode, int backlog,
                                 struct error *err)
{
    return listen_at(directory, name, SOCK_STREAM, mode, backlog, err);
}
