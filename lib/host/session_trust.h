/* What one session is told to trust of its repository: docs/trust.md. */
#ifndef HOST_SESSION_TRUST_H
#define HOST_SESSION_TRUST_H

#include <stdbool.h>

#include "lib/host/agent_config_table.h"
#include "lib/host/repository_config.h"

struct session_trust {
    const char *agent;      /* borrowed */
    bool with_ignored;      /* the session gets ignored files too */
    bool asks;              /* it has a terminal, in which the agent itself asks before it trusts */
    char *const *arguments; /* borrowed; what follows "--" */
    struct agent_config_table table; /* owned */
    struct repository_config config; /* owned */
};

/* Fills the table of TRUST, whose agent and arguments are set. 0 or -errno. */
int session_trust_load(struct session_trust *trust, struct error *err);

/*
 * Fills the config of TRUST, which is loaded, and whose asks is that of its terminal and becomes
 * that of its arguments too, for a session in REPOSITORY. *ADVICE is what its user
 * is to be told, one line, owned by the caller; NULL: nothing. Files that cannot be accepted are no
 * failure: nothing is trusted then, and the advice says why. 0 or -errno.
 */
int session_trust_find(struct session_trust *trust, const struct repository *repository,
                       char **advice, struct error *err);

/* The words for the agent's command line (agent_command.h), borrowed; NULL: none. */
const struct string_list *session_trust_words(const struct session_trust *trust);

/* Adds to *VARIABLES, a text of variables_read or NULL, what TRUST comes to. 0 or -errno. */
int session_trust_add_variables(const struct session_trust *trust, char **variables,
                                struct error *err);

void session_trust_free(struct session_trust *trust);

#endif
