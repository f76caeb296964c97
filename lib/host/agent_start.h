/* What the launcher looks at before it starts a vendor's agent: policies/agent-start.tab. */
#ifndef HOST_AGENT_START_H
#define HOST_AGENT_START_H

#include <stdbool.h>

#include "lib/base/error.h"

#define AGENT_START_TEXT 320

struct agent_start_request {
    const char *agent;
    char *const *arguments; /* what follows "--", NULL-terminated */
    const char *variables;  /* the text of --env-file; NULL: none */
};

struct agent_start {
    bool is_vendors; /* the table has rows of the agent */
    /* "A, B or C": the variables of which none was given, of an agent that needs one; "" when
     * nothing is missing. Cut where it is full. */
    char missing[AGENT_START_TEXT];
};

/*
 * Fills START by the table at PATH. -EPERM with a sentence for a word that is refused; -errno for a
 * bad table.
 */
int agent_start_check(const char *path, const struct agent_start_request *request,
                      struct agent_start *start, struct error *err);
/* The same by the installed table. */
int agent_start_find(const struct agent_start_request *request, struct agent_start *start,
                     struct error *err);

/* What is to be said before AGENT starts, which IS_ASKING where a person can answer, into TEXT; ""
 * for nothing. */
void agent_start_warn(const struct agent_start *start, const char *agent, bool is_asking,
                      char text[2 * AGENT_START_TEXT]);

/* What is to be said when it failed in SESSION, with a screen of its own or without, into TEXT; ""
 * for an agent whose exit code is its own affair. */
void agent_start_advise(const struct agent_start *start, const char *session, bool has_screen,
                        char text[2 * AGENT_START_TEXT]);

#endif
