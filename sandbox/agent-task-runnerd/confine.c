/* What the task runner gives up before it hears anybody, as one ordered table. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* SYS_PTRACE: stopping callers and reading what they ask for; KILL: sandboxes and callers of other
 * uids; SETUID: looking at paths with the caller's file system uid. */
#define CAPABILITIES \
    (CAPABILITY_BIT(CAP_SYS_PTRACE) | CAPABILITY_BIT(CAP_KILL) | CAPABILITY_BIT(CAP_SETUID))

static int confine_descriptors(void)
{
    return fd_ensure_standard();
}

/* Every connection, ticket and sandbox has descriptors. */
static int confine_limits(void)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    struct rlimit files;
    if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
        return -errno;
    files.rlim_cur = files.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

static int confine_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int confine_memory(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

static int confine_capabilities(void)
{
    struct capability_sets sets = {.effective = 0};
    int result = capability_limit(CAPABILITIES);
    if (result == 0)
        result = capability_get(&sets);
    if (result < 0)
        return result;
    return sets.effective == CAPABILITIES ? 0 : -EPERM;
}

/* clang-format off */
static const struct {
    const char *what;
    int (*run)(void);
} steps[] = {
    {"the standard descriptors",                        confine_descriptors},
    {"the limits",                                      confine_limits},
    {"no new privileges",                               confine_privileges},
    {"being undumpable",                                confine_memory},
    {"the capabilities SYS_PTRACE, KILL and SETUID",    confine_capabilities},
};
/* clang-format on */

int confine(struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        int result = steps[i].run();
        if (result < 0)
            return error_set(err, -result, "confine the task runner to %s", steps[i].what);
    }
    return 0;
}
