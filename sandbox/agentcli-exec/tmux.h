/* Starting tmux: its server for the session, and a client for each attached terminal. */
#ifndef AGENTCLI_EXEC_TMUX_H
#define AGENTCLI_EXEC_TMUX_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "sandbox/attach/frame.h"

/*
 * Starts the server in the foreground, a child of the calling process, with the pane's command in
 * PLACE_COMMAND. *PID and *PIDFD (owned by the caller) are set. 0 or -errno.
 */
int tmux_serve(const struct string_list *environment, bool is_persistent, pid_t *pid, int *pidfd,
               struct error *err);

/*
 * Starts a client that asks nothing: the server reads its configuration when the first client
 * comes, and not before. *PID and *PIDFD (owned by the caller) are set; it fails when the server
 * does not listen yet.
 */
int tmux_knock(const struct string_list *environment, pid_t *pid, int *pidfd, struct error *err);

/*
 * Starts a client on a fresh pty of the size and kind in HELLO. *TERMINAL is its master,
 * non-blocking; it and *PIDFD are owned by the caller. 0 or -errno.
 */
int tmux_attach(const struct string_list *environment, const struct frame_hello *hello,
                int *terminal, pid_t *pid, int *pidfd);

#endif
