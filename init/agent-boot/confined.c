/* Becomes another identity, for good. */
#include "init/agent-boot/confined.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "lib/base/capability.h"
#include "lib/base/seccomp_filter.h"

#define FILTER BOOT_POLICY_DIRECTORY "/seccomp/command.bpf"

int confined_become(const struct user *user, struct error *err)
{
    int result = capability_clear_bounding();
    if (result < 0)
        return error_set(err, -result, "empty the capability bounding set");
    if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
        setresuid(user->uid, user->uid, user->uid) < 0)
        return error_set(err, errno, "become %s", user->name);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(err, errno, "set no_new_privs");
    return seccomp_filter_load(FILTER, err);
}

int confined_prepare(void *context)
{
    return confined_become(context, NULL);
}
