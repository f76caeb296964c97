/* Local sockets between programs of one machine: listening, who calls, a descriptor beside the
 * bytes. unix(7). */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/*
 * A SOCK_SEQPACKET socket that listens at PATH with MODE, in place of whatever lay there;
 * close-on-exec, nonblocking. Who connects can send no descriptors, where the kernel knows how to
 * refuse them. The fd (owned by the caller) or -errno; -ENAMETOOLONG when PATH does not fit an
 * address.
 */
int unix_socket_listen(const char *path, mode_t mode, int backlog);
/* The same, SOCK_STREAM. */
int unix_socket_listen_stream(const char *path, mode_t mode, int backlog);

/* The same for one that is sent descriptors. */
int unix_socket_listen_for_descriptors(const char *path, mode_t mode, int backlog);

/*
 * Whoever sends FD or, when it listens, a connection to it descriptors gets EPERM. Before
 * listen(2). SO_PASSRIGHTS, Linux 6.16; where it is not known nothing happens, and wait_limit.h
 * says what is left then.
 */
void unix_socket_refuse_descriptors(int fd);

/* A SOCK_SEQPACKET connection to PATH, close-on-exec and nonblocking. The fd (owned by the caller)
 * or -errno; -EAGAIN: its queue is full. */
int unix_socket_connect(const char *path);

/* The next connection to FD, close-on-exec and nonblocking, with the *UID of who made it. The fd
 * (owned) or -errno. */
int unix_socket_accept(int fd, uid_t *uid);

/*
 * Receives one message without waiting: at most SIZE bytes into DATA, a descriptor that came with
 * it into *RECEIVED (owned by the caller; -1: none). Its length (0: the peer is gone) or -errno;
 * -EAGAIN: there is none.
 */
ssize_t unix_socket_receive(int fd, void *data, size_t size, int *received);

#endif
