/* What a session's agent is asked to run: policies/agents.tab applied to the command line. */
#ifndef HOST_AGENT_COMMAND_H
#define HOST_AGENT_COMMAND_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"

struct agent_request {
    const char *agent;      /* NULL: none was named, which is refused */
    const char *prompt;     /* NULL: none */
    char *const *arguments; /* what follows "--", NULL-terminated */
    bool has_variables;     /* --env-file */
    /* Words about what the repository configures, in front of ARGUMENTS (agent_config_table.h);
     * NULL: none. An agent without options has none. */
    const struct string_list *words;
};

/*
 * Adds to COMMAND the argv that REQUEST comes to by the table at PATH; nothing when there is
 * neither prompt nor argument nor word, for then the agent's program runs as it is. -EPERM with a
 * sentence for an agent that the table does not have, for a prompt beside a command of its own, and
 * for variables where nothing but commands would run; -errno for a bad table.
 */
int agent_command_make(const char *path, const struct agent_request *request,
                       struct string_list *command, struct error *err);

#endif
