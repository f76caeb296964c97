/*
 * What a session's sidecar hands to a process of the host that serves the container: a connection,
 * and who made it. It comes over a socket of which the other end is with coding-agents-sidecar, and
 * which the keeper made: nobody else can say who somebody is. Uids are the container's own.
 */
#ifndef HOST_SESSION_RELAY_H
#define HOST_SESSION_RELAY_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/base/error.h"
#include "lib/base/mux_frame.h"
#include "lib/host/uid_map.h"

/* Hands CONNECTION (borrowed) of CALLER to who has the other end of RELAY. 0 or -errno. */
int session_relay_give(int relay, int connection, const struct mux_caller *caller);

/*
 * Takes the next one: nonblocking, close-on-exec, owned by the caller. *PEER is who made it; its
 * pid, which is of no use here, is 0. -EAGAIN: there is none; -EPIPE: the sidecar is gone.
 */
int session_relay_take(int relay, struct ucred *peer);

/* True when the sidecar has ended. */
bool session_relay_is_gone(int relay);

/* The map in which each uid is itself. */
void session_relay_map(struct uid_map *map);

#endif
