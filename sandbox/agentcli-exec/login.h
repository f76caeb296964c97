/* The agent's login where its program takes a variable: one file each, which the secrets step of
 * boot had written for the agent's identity alone. */
#ifndef AGENTCLI_EXEC_LOGIN_H
#define AGENTCLI_EXEC_LOGIN_H

#include "lib/base/error.h"
#include "lib/base/string_list.h"

/* Adds them to LIST as "NAME=VALUE", but for names it has. As the identity that owns them. 0, also
 * without any, or -errno. */
int login_read_variables(const char *agent, struct string_list *list, struct error *err);

#endif
