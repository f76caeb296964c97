/* What the task runner gives up before it hears anybody, as one ordered table. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* policies/seccomp/runner.json */
#define FILTER "/etc/coding-agents/seccomp/runner.bpf"
/* The shortest there are. */
#define SLICE_NS UINT64_C(100000)
/* SYS_PTRACE: stopping callers and reading what they ask for; KILL: sandboxes and callers of other
 * uids; SETUID: looking at paths with the caller's file system uid. */
#define CAPABILITIES \
    (CAPABILITY_BIT(CAP_SYS_PTRACE) | CAPABILITY_BIT(CAP_KILL) | CAPABILITY_BIT(CAP_SETUID))

/* Every connection, ticket and sandbox has descriptors. */
static int confine_limits(struct error *err)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    struct rlimit files;
    if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
        return error_set(err, errno, "limit files");
    /* Until a call is received a signal can interrupt it, so whoever has the processor makes way.
     */
    (void)sys_set_slice(SLICE_NS);
    files.rlim_cur = files.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &files) < 0 ? error_set(err, errno, "limit files") : 0;
}

static int confine_self(struct error *err)
{
    bool is_done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
    return is_done ? 0 : error_set(err, errno, "prctl");
}

static int confine_capabilities(struct error *err)
{
    struct capability_sets sets = {.effective = 0};
    int result = capability_limit(CAPABILITIES);
    if (result == 0)
        result = capability_get(&sets);
    if (result == 0 && sets.effective != CAPABILITIES)
        result = -EPERM;
    return result < 0 ? error_set(err, -result, "limit capabilities") : 0;
}

/* What none of the others stands in the way of: calls that the runner never makes. */
static int confine_calls(struct error *err)
{
    return seccomp_filter_load(FILTER, err);
}

/* clang-format off */
static const struct {
    const char *what;
    int (*run)(struct error *err);
} steps[] = {
    {"the limits",                                      confine_limits},
    {"no new privileges and being undumpable",          confine_self},
    {"the capabilities SYS_PTRACE, KILL and SETUID",    confine_capabilities},
    {"the seccomp filter",                              confine_calls},
};
/* clang-format on */

int confine(struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        if (steps[i].run(err) < 0)
            return error_prefix(err, "confine the task runner to %s", steps[i].what);
    }
    return 0;
}
