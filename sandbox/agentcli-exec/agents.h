/* The agents of an image: policies/agents.tab and agent-environment.tab. */
#ifndef AGENTCLI_EXEC_AGENTS_H
#define AGENTCLI_EXEC_AGENTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "lib/base/users.h"

#define AGENTS_FILE "/etc/coding-agents/agents.tab"
#define AGENTS_ENVIRONMENT_FILE "/etc/coding-agents/agent-environment.tab"
#define AGENTS_FILTER_DIRECTORY "/etc/coding-agents/seccomp"
#define AGENTS_PROGRAMS_MAX 8

struct agent {
    char identity[USERS_NAME_SIZE];
    char filter[PATH_MAX]; /* path of the compiled seccomp filter */
    bool is_idmapped;      /* sees the workspace and /tmp through views */
    char program[PATH_MAX];
    size_t direct_count;
    char direct[PATH_MAX]; /* paths that the identity may execute itself; a NUL after each */
};

/* Finds the row of NAME in the table at PATH; every row is checked. 0, -ENOENT, or -errno with ERR
 * set. */
int agents_find(const char *path, const char *name, struct agent *agent, struct error *err);

/* Sets the variables of NAME in the table at PATH in LIST (owned by the caller); every row is
 * checked. 0 or -errno. */
int agents_environment(const char *path, const char *name, struct string_list *list,
                       struct error *err);

/* The paths in AGENT's direct, borrowed, into LIST; their count. */
size_t agents_direct(const struct agent *agent, const char *list[AGENTS_PROGRAMS_MAX]);

#endif
