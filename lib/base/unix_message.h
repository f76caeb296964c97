/*
 * Messages of a SOCK_SEQPACKET socket that carry several descriptors, sent and received without
 * waiting. unix(7), SCM_RIGHTS. unix_socket.h has what carries one.
 */
#ifndef BASE_UNIX_MESSAGE_H
#define BASE_UNIX_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

#define UNIX_MESSAGE_FDS_MAX 8

/* What is sent. Everything is borrowed. */
struct unix_message {
    const void *data;
    size_t size;
    const void *tail; /* bytes that follow; NULL: none */
    size_t tail_size;
    const int *fds;
    size_t fd_count; /* at most UNIX_MESSAGE_FDS_MAX */
};

/* Descriptors that came with a message. */
struct unix_fds {
    int fds[UNIX_MESSAGE_FDS_MAX]; /* owned */
    size_t count;
};

/* 0 or -errno; -EAGAIN: the peer reads too slowly; -EPIPE: it is gone. */
int unix_message_send(int socket, const struct unix_message *message);

/*
 * Receives one message of at most SIZE bytes into DATA and its descriptors, close-on-exec, into
 * *RECEIVED (owned by the caller, see unix_fds_close). Its length (0: the peer is gone) or -errno;
 * -EAGAIN: there is none; -EMSGSIZE: it was longer, or had more descriptors, and is lost.
 */
ssize_t unix_message_receive(int socket, void *data, size_t size, struct unix_fds *received);

/* Closes what is still there; leaves it empty. */
void unix_fds_close(struct unix_fds *fds);

/* Takes descriptor NUMBER out: the caller owns it. -1 when there is none. */
int unix_fds_take(struct unix_fds *fds, size_t number);

#endif
