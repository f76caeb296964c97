/* Switches the calling thread's file system identity. */
#include "init/agent-boot/copy_identity.h"

#include "lib/base/syscalls.h"

int copy_identity_assume(const struct copy_identity *identity)
{
    int result = sys_setgroups_thread(identity->group_count, identity->groups);
    if (result == 0)
        result = sys_setfsgid(identity->gid);
    if (result == 0)
        result = sys_setfsuid(identity->uid);
    return result;
}
