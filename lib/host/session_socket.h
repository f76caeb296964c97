/* Sockets that processes of the host have for one session. */
#ifndef HOST_SESSION_SOCKET_H
#define HOST_SESSION_SOCKET_H

#include <sys/types.h>

#include "lib/base/error.h"

/*
 * A nonblocking SOCK_SEQPACKET socket that listens at DIRECTORY/NAME with MODE, in place of what
 * one that was killed left there, with room for BACKLOG callers. The fd (owned) or -errno.
 */
int session_socket_listen(const char *directory, const char *name, mode_t mode, int backlog,
                          struct error *err);
/* The same, SOCK_STREAM. */
int session_socket_listen_stream(const char *directory, const char *name, mode_t mode, int backlog,
                                 struct error *err);

#endif
