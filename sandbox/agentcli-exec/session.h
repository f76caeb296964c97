/* An interactive session: tmux in the foreground, attached terminals, the command's status at the
 * end. */
#ifndef AGENTCLI_EXEC_SESSION_H
#define AGENTCLI_EXEC_SESSION_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"

struct session_plan {
    const struct string_list *environment; /* borrowed */
    bool is_persistent;
    int attach_listener; /* borrowed; made while the process could */
    uid_t attach_uid;    /* who may attach */
    int notify;          /* borrowed; told READY=1 when tmux is up; -1 for nobody */
};

/*
 * Runs the session as the confined identity to its end. *EXIT_CODE is the command's, 128 plus the
 * signal, or EXIT_AGENT_LOST when it left no status. 0, or -errno when there was no session.
 */
int session_run(const struct session_plan *plan, int *exit_code, struct error *err);

#endif
