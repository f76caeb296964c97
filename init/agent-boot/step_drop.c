/* The drop step: boot becomes agentuser for good and takes the commands' filter on. Nothing after
 * it is root. */
#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "lib/base/capability.h"
#include "lib/base/seccomp_filter.h"

#define COMMAND_FILTER BOOT_POLICY_DIRECTORY "/seccomp/command.bpf"

static int become_agentuser(const struct boot_context *context, struct error *err)
{
    if (setgroups(0, NULL) < 0)
        return error_set(err, errno, "give up the supplementary groups");
    if (setresgid(context->agentuser.gid, context->agentuser.gid, context->agentuser.gid) < 0)
        return error_set(err, errno, "become group %u", context->agentuser.gid);
    if (setresuid(context->agentuser.uid, context->agentuser.uid, context->agentuser.uid) < 0)
        return error_set(err, errno, "become %s", context->agentuser.name);
    return 0;
}

/* The bounding set can only shrink while SETPCAP is effective, so it comes before the identity. */
static int empty_bounding_set(struct error *err)
{
    int result = capability_clear_bounding();
    return result < 0 ? error_set(err, -result, "empty the capability bounding set") : 0;
}

int drop_privileges(struct boot_context *context, struct error *err)
{
    int result = empty_bounding_set(err);
    if (result == 0)
        result = become_agentuser(context, err);
    if (result == 0) {
        result = capability_limit(0);
        if (result < 0)
            error_set(err, -result, "give up the capabilities");
    }
    /* Not dumpable: a hook with the same uid must not reach the descriptor that leads to PID 1. */
    if (result == 0 &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
        result = error_set(err, errno, "prctl");
    if (result == 0)
        result = seccomp_filter_load(COMMAND_FILTER, err);
    boot_set_detail(context, "%s, no capabilities", context->agentuser.name);
    return result;
}
