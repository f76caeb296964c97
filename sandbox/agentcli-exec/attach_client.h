/* One terminal attached to the session: a socket, a tmux client on a pty of its own, two bounded
 * buffers. */
#ifndef AGENTCLI_EXEC_ATTACH_CLIENT_H
#define AGENTCLI_EXEC_ATTACH_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/event_loop.h"
#include "lib/base/string_list.h"
#include "sandbox/attach/buffer.h"
#include "sandbox/attach/frame.h"
#include "sandbox/attach/watch.h"

enum attach_client_state {
    ATTACH_CLIENT_FREE = 0,
    ATTACH_CLIENT_GREETING, /* connected, no hello yet */
    ATTACH_CLIENT_ATTACHED, /* tmux runs */
    ATTACH_CLIENT_LEAVING,  /* tmux ended with zero or not; the reason is not known yet */
    ATTACH_CLIENT_CLOSING,  /* the EXIT frame is on its way */
    ATTACH_CLIENT_REAPING,  /* the socket is gone, tmux is not yet */
};

struct attach_client {
    enum attach_client_state state;
    struct event_loop *loop;               /* borrowed */
    const struct string_list *environment; /* borrowed; for the tmux client, without TERM */
    size_t timer;                          /* this client's timer in the loop */
    int socket;                            /* owned; -1 when closed */
    int terminal;                          /* owned; the pty's master, -1 when closed */
    int process;                           /* owned; pidfd of the tmux client, -1 without one */
    pid_t pid;
    bool has_succeeded; /* tmux ended with 0: the person detached */
    bool has_ending;    /* the session is over, with this exit code */
    int exit_code;
    uint64_t heard_ns; /* when the person last typed, or came */
    struct watch socket_watch;
    struct watch terminal_watch;
    struct watch process_watch;
    struct buffer from_socket;
    struct buffer to_socket;
    struct buffer to_terminal;
};

/* Takes SOCKET (accepted, checked, non-blocking) into the free CLIENT, which waits for its hello.
 */
void attach_client_begin(struct attach_client *client, int socket);

/* Tells CLIENT, whatever it is doing, why it is let go, and closes it when that has been sent. */
void attach_client_finish(struct attach_client *client, enum frame_exit_reason reason,
                          int exit_code);

/*
 * Tells CLIENT that the session is over, once its tmux client has put the screen back, which it is
 * given a moment for.
 */
void attach_client_end(struct attach_client *client, int exit_code);

#endif
