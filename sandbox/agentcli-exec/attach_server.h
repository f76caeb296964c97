/* The attach socket: who is let in, and the table of those who are. */
#ifndef AGENTCLI_EXEC_ATTACH_SERVER_H
#define AGENTCLI_EXEC_ATTACH_SERVER_H

#include "sandbox/agentcli-exec/attach_client.h"

/* People look at one session from a few places; each costs a pty, a tmux client and 200 KB. */
#define ATTACH_CLIENTS_MAX 8
/* One more is let in, and the one that was silent the longest goes. */
#define ATTACH_CLIENT_SLOTS (ATTACH_CLIENTS_MAX + 1)
/* What a server needs of an event loop: per client three sources and one timer, and its listener.
 */
#define ATTACH_SERVER_SOURCES (3 * ATTACH_CLIENT_SLOTS + 1)
#define ATTACH_SERVER_TIMERS ATTACH_CLIENT_SLOTS

struct attach_server {
    struct event_loop *loop; /* borrowed */
    int listener;            /* borrowed */
    uid_t uid;               /* the only one served, by SO_PEERCRED */
    struct attach_client clients[ATTACH_CLIENT_SLOTS];
};

/* Serves LISTENER in LOOP (both borrowed), whose first timers it uses. 0 or -errno. */
int attach_server_begin(struct attach_server *server, struct event_loop *loop, int listener,
                        uid_t uid, const struct string_list *environment);

/* Tells every client that the session is over. */
void attach_server_finish(struct attach_server *server, int exit_code);

/* True when no client is left. */
bool attach_server_is_idle(const struct attach_server *server);

#endif
