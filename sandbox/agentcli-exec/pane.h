/* The pane wrapper: runs the session's command in tmux's pane and leaves its wait status behind. */
#ifndef AGENTCLI_EXEC_PANE_H
#define AGENTCLI_EXEC_PANE_H

#include <stdint.h>

/* From the session's process to the wrapper: one signal to deliver to the command. */
struct pane_message {
    uint32_t signal; /* SIGTERM also ends tmux once the command has ended */
};

/* Runs the command in PLACE_COMMAND in the foreground of this terminal. The exit code for the
 * wrapper. */
int pane_run(void);

#endif
