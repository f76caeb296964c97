/* Where an interactive session keeps its files: /run/agent-tmux, 0700, the identity's. */
#ifndef AGENTCLI_EXEC_PLACES_H
#define AGENTCLI_EXEC_PLACES_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/users.h"
#include "sandbox/attach/frame.h"

#define PLACE_DIRECTORY "/run/agent-tmux"
#define PLACE_TMUX_SOCKET PLACE_DIRECTORY "/tmux.sock"
#define PLACE_PANE_SOCKET \
    PLACE_DIRECTORY "/pane.sock" /* the pane wrapper and its parent find each other */
/* Root's, in a directory of root's, so that what the pane runs is what the session was started
 * with: "again" or "once", then argv, a NUL after each string. */
#define PLACE_COMMAND ATTACH_DIRECTORY "/command"
#define PLACE_ENDS PLACE_DIRECTORY "/ends" /* how often in a row the command ended early */
#define PLACE_STATUS                                                            \
    PLACE_DIRECTORY "/status" /* raw wait status of the pane's command, decimal \
                               */
#define PLACE_TMUX_CONFIGURATION "/etc/coding-agents/tmux.conf"
#define PLACE_TMUX_PERSISTENT "/etc/coding-agents/tmux-persistent.conf"
#define PLACE_TMUX_SESSION "agent"

/* As root: makes PLACE_DIRECTORY for USER. One that is there must be its own. 0 or -errno. */
int places_make_directory(const struct user *user, struct error *err);

/*
 * As root: makes the attach socket, which anybody may connect to; who is served is decided by
 * SO_PEERCRED. The listening fd, owned by the caller, or -errno.
 */
int places_listen_attach(struct error *err);

/* As the identity: forget the socket of a tmux before; the status of a command before. */
void places_clean_tmux(void);
void places_clean_status(void);

/* As the identity: listens for the pane wrapper. The fd, owned by the caller, or -errno. */
int places_listen_pane(struct error *err);

/* The pane wrapper's connection to its parent. The fd, owned by the caller, or -errno. */
int places_connect_pane(struct error *err);

/* As root, once there is an attach socket: writes COMMAND (NULL-terminated, borrowed) to
 * PLACE_COMMAND, for USER to read: one that is started again when it ended (IS_PERSISTENT), or
 * once. 0 or -errno. */
int places_write_command(const struct user *user, bool is_persistent, char *const *command,
                         struct error *err);

struct place_command {
    bool is_persistent;
    char **argv; /* owned; points into text */
    char *text;  /* owned */
};

/* Reads it back; COMMAND is for as long as the process lives. 0 or -errno. */
int places_read_command(struct place_command *command, struct error *err);

/* As the identity: one early end more, or none any more (IS_EARLY false). How many in a row. */
unsigned int places_count_ends(bool is_early);

/* Writes, and reads back, the wait status. 0 or -errno; -ENOENT when none was left. */
int places_write_status(int wait_status, struct error *err);
int places_read_status(int *wait_status, struct error *err);

#endif
