/* The command line of agentcli-exec. */
#ifndef AGENTCLI_EXEC_OPTIONS_H
#define AGENTCLI_EXEC_OPTIONS_H

#include <stdbool.h>

#include "lib/base/error.h"

struct options {
    const char *agent;    /* a row of agents.tab */
    const char *identity; /* NULL: the row's own */
    bool is_interactive;
    bool is_persistent;
    bool has_terminal; /* headless, with the session's terminal at descriptor 0 */
    bool is_pane;      /* the wrapper that tmux runs in its pane */
    char **command;    /* NULL-terminated; empty: the row's default program */
};

/* Everything is borrowed from ARGV. 0 or -EINVAL with one sentence. */
int options_parse(int argc, char **argv, struct options *options, struct error *err);

#endif
