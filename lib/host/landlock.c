/* Confines the calling process to one directory. */
#include "lib/host/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "lib/base/cleanup.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/syscalls.h"
#include "lib/host/install_paths.h"

/* linux/landlock.h of Linux 6.7, 6.10 and 6.12. */
#define ACCESS_IOCTL_DEVICE (UINT64_C(1) << 15)
#define NETWORK_TCP UINT64_C(3)
#define SCOPES UINT64_C(3)
/* Every right of version 2: the bits 0 to 13. */
#define FILES_OF_VERSION_2 ((UINT64_C(1) << 14) - 1)

/* struct landlock_ruleset_attr as of version 6; older kernels take a longer one whose end is zero.
 */
struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

int landlock_confine(int fd, uint64_t rights, const char *who, struct error *err)
{
    int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset attributes = {
        .files = FILES_OF_VERSION_2,
        .network = abi >= 4 ? NETWORK_TCP : 0,
        .scopes = abi >= 6 ? SCOPES : 0,
    };
    if (abi < 2)
        return error_set(err, abi < 0 ? -abi : ENOSYS,
                         "%s needs Landlock version 2; boot with landlock in the lsm= list, "
                         "on Linux 6.1 or newer",
                         who);
    attributes.files |= (abi >= 3 ? LANDLOCK_TRUNCATE : 0) | (abi >= 5 ? ACCESS_IOCTL_DEVICE : 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(err, errno, "set no_new_privs");
    cleanup_fd int ruleset =
        sys_landlock_create_ruleset((const void *)&attributes, sizeof(attributes), 0);
    const struct landlock_path_beneath_attr rule = {.parent_fd = fd,
                                                    .allowed_access = rights & attributes.files};
    int result = ruleset < 0 ? ruleset : 0;
    if (result == 0)
        result = sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule);
    if (result == 0)
        result = sys_landlock_restrict_self(ruleset);
    return result < 0 ? error_set(err, -result, "confine %s with Landlock", who) : 0;
}

int landlock_confine_filtered(int fd, uint64_t rights, const char *filter, const char *who,
                              struct error *err)
{
    char path[PATH_MAX];
    struct sock_fprog program = {.filter = NULL};
    int result = install_path_share(filter, path, err);
    if (result == 0)
        result = seccomp_filter_read(path, &program, err);
    if (result == 0)
        result = landlock_confine(fd, rights, who, err);
    if (result == 0) {
        result = sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program);
        if (result < 0)
            error_set(err, -result, "confine %s with seccomp", who);
    }
    free(program.filter);
    return result;
}

int landlock_confine_to_processes(const char *filter, const char *who, struct error *err)
{
    cleanup_fd int processes = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (processes < 0)
        return error_set(err, errno, "open '/proc'");
    return landlock_confine_filtered(processes, LANDLOCK_ACCESS_FS_READ_FILE, filter, who, err);
}
