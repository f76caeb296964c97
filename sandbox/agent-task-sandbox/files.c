/* The table of what a command may do with files. */
#include "sandbox/agent-task-sandbox/files.h"

#include "lib/base/agent_shared.h"
#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/settings.h"
#include "sandbox/confine/landlock.h"

#define READ_RIGHTS (LANDLOCK_READ | LANDLOCK_EXECUTE)
#define OWN_RIGHTS (READ_RIGHTS | LANDLOCK_WRITE | LANDLOCK_CHANGE)

/* clang-format off */
static const struct landlock_rule rules[] = {
    {.path = "/",                    .access = READ_RIGHTS},
    {.path = PLACE_WORKSPACE,        .access = OWN_RIGHTS},
    {.path = PLACE_HOME,             .access = OWN_RIGHTS},
    {.path = PLACE_TEMPORARY,        .access = OWN_RIGHTS},
    {.path = PLACE_LOCAL_REPOSITORY, .access = OWN_RIGHTS, .is_optional = true},
    /* Where a sandbox may write it at all: cage.c. */
    {.path = AGENT_SHARED_DIRECTORY, .access = OWN_RIGHTS, .is_optional = true},
    {.path = "/dev",                 .access = LANDLOCK_WRITE | LANDLOCK_DEVICE},
    {.path = "/dev/shm",             .access = OWN_RIGHTS},
    {.path = "/proc",                .access = LANDLOCK_WRITE},
};
/* clang-format on */

int files_confine(struct error *err)
{
    return landlock_confine(rules, ARRAY_LENGTH(rules), err);
}
