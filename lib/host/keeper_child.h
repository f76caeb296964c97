/*
 * What every process that the keeper starts for a session begins with: the same options, and
 * nothing inherited but what they name. coding-agents-broker(8), -git-proxy(8), -signer(8).
 */
#ifndef HOST_KEEPER_CHILD_H
#define HOST_KEEPER_CHILD_H

#include <argp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/host/uid_map.h"
#include "lib/wire/manifest.h"

/* The number that the keeper's socket has once keeper_child_settle is through. */
#define KEEPER_CHILD_FD 3
/* Sockets of a sidecar that one may be given: who serves a container has one, its own. */
#define KEEPER_CHILD_RELAYS 4

struct keeper_child {
    char session[MANIFEST_SESSION_SIZE]; /* "" until it is said */
    uid_t container_root_uid;            /* on the host */
    int keeper; /* owned; SOCK_SEQPACKET, lib/host/keeper_tell.h; -1 until it is said */
    int relays[KEEPER_CHILD_RELAYS]; /* owned; SOCK_SEQPACKET, lib/host/session_relay.h */
    size_t relay_count;              /* 0: the container's connections come by themselves */
};

/* --session, --container-root-uid, --keeper-fd and --relay-fd as a child of a program's parser: its
 * input is a struct keeper_child, which the program's parser hands it (argp(3), ARGP_KEY_INIT). */
extern const struct argp keeper_child_argp;

/* Whether what a child cannot do without was said. */
bool keeper_child_is_told(const struct keeper_child *child);

/* TEXT as a number from 0 to MOST, in decimal digits alone; ends the program through STATE
 * otherwise. */
unsigned long keeper_child_number(const char *text, unsigned long most, struct argp_state *state);

/* No core file, and no debugger of the same user: RLIMIT_CORE, PR_SET_DUMPABLE. 0, or -errno with
 * the cause in ERR. */
int keeper_child_hide(struct error *err);

/*
 * Lets go of every descriptor but the standard streams, the keeper's and the sidecar's, heeds no
 * SIGHUP, SIGINT and SIGPIPE, ends with the keeper (PR_SET_PDEATHSIG, prctl(2)), and hides. 0, or
 * -errno with the cause in ERR.
 */
int keeper_child_settle(struct keeper_child *child, struct error *err);

/* Where the container's connections come from. */
struct keeper_child_door {
    const char *directory; /* as session_socket_listen, with mode 0666 */
    const char *name;
    int type; /* SOCK_SEQPACKET or SOCK_STREAM */
    int backlog;
};
/* Listens at DOOR; with a sidecar its socket, from which they come then. The fd (owned by the
 * caller) or -errno. */
int keeper_child_listen(const struct keeper_child *child, const struct keeper_child_door *door,
                        struct error *err);
/* The next connection there, nonblocking, with the *PEER who made it. The fd (owned) or -errno;
 * -EPIPE: there will be none any more. */
int keeper_child_accept(const struct keeper_child *child, int listener, struct ucred *peer);
/* How the container's uids are seen here, by process PID of it. 0 or -errno. */
int keeper_child_read_map(const struct keeper_child *child, pid_t pid, struct uid_map *map,
                          struct error *err);
/* True when the sidecar that all connections came from has ended. */
bool keeper_child_is_cut_off(const struct keeper_child *child);

#endif
