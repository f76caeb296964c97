/* Looks an agent's identity up in agents.tab and users.tab. */
#include "init/agent-boot/identity_of_agent.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "init/agent-boot/boot.h"
#include "lib/base/table_file.h"

#define AGENTS_FILE BOOT_POLICY_DIRECTORY "/agents.tab"

struct search {
    const char *agent;
    char identity[USERS_NAME_SIZE];
    bool is_found;
};

static int match_row(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    if (strcmp(row->fields[0], search->agent) != 0)
        return 0;
    if (strlen(row->fields[1]) >= sizeof(search->identity))
        return error_set(err, EINVAL, "the identity's name is too long");
    snprintf(search->identity, sizeof(search->identity), "%s", row->fields[1]);
    search->is_found = true;
    return 0;
}

int identity_of_agent(const char *agent, struct user *user, struct error *err)
{
    struct search search = {.agent = agent};
    int result = table_file_read(AGENTS_FILE, 2, 8, match_row, &search, err);
    if (result < 0)
        return result;
    if (!search.is_found)
        return error_set(err, ENOENT, "find the agent '%s' in this image", agent);
    return users_find(USERS_FILE, search.identity, user, err);
}
