/* Directories that an agent's program shares with its commands: policies/agent-shared.tab. */
#ifndef BASE_AGENT_SHARED_H
#define BASE_AGENT_SHARED_H

#include <limits.h>

#include "lib/base/error.h"

#define AGENT_SHARED_FILE "/etc/coding-agents/agent-shared.tab"
/* They lie below; there is one for each row of the session's agent. */
#define AGENT_SHARED_DIRECTORY "/run/agent-shared"

struct agent_shared {
    const char *agent;        /* borrowed */
    char directory[PATH_MAX]; /* AGENT_SHARED_DIRECTORY/NAME */
    const char *place;        /* borrowed; of the link, below agentcli's home */
};

/* Called for each row. 0 goes on; a negative errno stops (ERR set by the callback). */
typedef int agent_shared_callback(const struct agent_shared *shared, void *context,
                                  struct error *err);

/* Calls CALLBACK for each row of the table at PATH. 0 or -errno. */
int agent_shared_read(const char *path, agent_shared_callback *callback, void *context,
                      struct error *err);

#endif
