/* policies/agent-config.tab: which files of a repository configure an agent, and how its program is
 * told to trust them. */
#ifndef HOST_AGENT_CONFIG_TABLE_H
#define HOST_AGENT_CONFIG_TABLE_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"

/* The rows of one agent. All owned. */
struct agent_config_table {
    struct string_list files;     /* patterns */
    struct string_list untrusted; /* words */
    struct string_list unasked;   /* patterns of words */
    struct string_list trusted;   /* words */
    struct string_list variables; /* NAME=VALUE */
};

/* Reads the rows of AGENT in the table at PATH; an agent without rows has empty lists. TABLE is
 * released by agent_config_table_free, also after a failure. 0 or -errno. */
int agent_config_table_read(const char *path, const char *agent, struct agent_config_table *table,
                            struct error *err);
void agent_config_table_free(struct agent_config_table *table);

/* Whether the file PATH, relative to the repository, is one that configures the agent. */
bool agent_config_table_has(const struct agent_config_table *table, const char *path);

/* Whether one of ARGUMENTS (NULL-terminated) makes the agent ask nothing, in a terminal either. */
bool agent_config_table_is_unasked(const struct agent_config_table *table, char *const *arguments);

/* Whether files that configure the agent would be found behind PATH, if that were a link. */
bool agent_config_table_leads(const struct agent_config_table *table, const char *path);

#endif
