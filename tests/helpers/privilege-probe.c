/*
 * What files give to whoever executes them, and who has them.
 *     privilege-probe identity     "privileged" when this process has uid 0 or a capability, else
 * "plain" privilege-probe grant FILE   gives FILE a capability privilege-probe find DIRECTORY names
 * files with a set-id bit or capabilities, on its file system
 */
#include <errno.h>
#include <ftw.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTRIBUTE "security.capability"
#define DESCRIPTORS 16

static int show_identity(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    puts(geteuid() == 0 || data[0].permitted != 0 || data[1].permitted != 0 ? "privileged"
                                                                            : "plain");
    return 0;
}

static int grant(const char *path)
{
    const struct vfs_cap_data data = {
        .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
        .data = {{.permitted = 1u << CAP_NET_RAW}},
    };
    return setxattr(path, ATTRIBUTE, &data, sizeof(data), 0);
}

static int name_privileged(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)where;
    if (kind == FTW_F &&
        ((status->st_mode & (S_ISUID | S_ISGID)) != 0 || lgetxattr(path, ATTRIBUTE, NULL, 0) > 0))
        puts(path);
    return 0;
}

int main(int argc, char **argv)
{
    int result = -1;
    errno = EINVAL;
    if (argc == 2 && strcmp(argv[1], "identity") == 0)
        result = show_identity();
    else if (argc == 3 && strcmp(argv[1], "grant") == 0)
        result = grant(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "find") == 0)
        result = nftw(argv[2], name_privileged, DESCRIPTORS, FTW_PHYS | FTW_MOUNT);
    if (result != 0)
        perror("privilege-probe");
    return result == 0 ? 0 : 1;
}
