/* Sets up sharing by group: acl(5) in the kernel's own extended attribute format. */
#include "init/agent-boot/shared_group.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "init/agent-boot/places.h"
#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

struct default_acl {
    struct posix_acl_xattr_header header;
    struct posix_acl_xattr_entry entries[3];
};

static int share_directory(const char *path, mode_t mode, struct error *err)
{
    if (chmod(path, mode) < 0)
        return error_set(err, errno, "share '%s' by group", path);
    struct default_acl acl = {
        .header = {.a_version = htole32(POSIX_ACL_XATTR_VERSION)},
        .entries =
            {
                {htole16(ACL_USER_OBJ), htole16(ACL_READ | ACL_WRITE | ACL_EXECUTE),
                 htole32((uint32_t)ACL_UNDEFINED_ID)},
                {htole16(ACL_GROUP_OBJ), htole16(ACL_READ | ACL_WRITE | ACL_EXECUTE),
                 htole32((uint32_t)ACL_UNDEFINED_ID)},
                {htole16(ACL_OTHER), htole16(ACL_READ | ACL_EXECUTE),
                 htole32((uint32_t)ACL_UNDEFINED_ID)},
            },
    };
    /* A file system without ACLs leaves the umask of 002, which agentcli-exec sets, to do the work.
     */
    if (setxattr(path, "system.posix_acl_default", &acl, sizeof(acl), 0) < 0 && errno != EOPNOTSUPP)
        return error_set(err, errno, "set the default ACL of '%s'", path);
    return 0;
}

static int share_as_owner(const struct boot_context *context, struct error *err)
{
    int result = sys_setfsgid(context->agentuser.gid);
    if (result == 0)
        result = sys_setfsuid(context->agentuser.uid);
    if (result < 0)
        return error_set(err, -result, "act as %s", context->agentuser.name);
    result = share_directory(PLACE_WORKSPACE, 02775, err);
    return result < 0 ? result : share_directory("/tmp", 03777, err);
}

int shared_group_prepare(const struct boot_context *context, struct error *err)
{
    int result = share_as_owner(context, err);
    int back = sys_setfsuid(0);
    if (back == 0)
        back = sys_setfsgid(0);
    if (result == 0 && back < 0)
        return error_set(err, -back, "become root again");
    return result;
}
