/* Builds a Landlock ruleset out of a table, with the access rights that this kernel knows. */
#include "sandbox/confine/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

/* linux/landlock.h of Linux 6.2, 6.10 and 6.12. */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_IOCTL_DEVICE (UINT64_C(1) << 15)
#define SCOPE_ABSTRACT_SOCKETS (UINT64_C(1) << 0)
#define SCOPE_SIGNALS (UINT64_C(1) << 1)

/* struct landlock_ruleset_attr as of version 6; older kernels take a longer one whose end is zero.
 */
struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

#define FILE_RIGHTS                                                                              \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | \
     ACCESS_TRUNCATE | ACCESS_IOCTL_DEVICE)
#define CHANGE_RIGHTS                                                                           \
    (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                           \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

/* clang-format off */
static const struct { unsigned int access; uint64_t rights; } meanings[] = {
    {.access = LANDLOCK_READ,    .rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR},
    {.access = LANDLOCK_EXECUTE, .rights = LANDLOCK_ACCESS_FS_EXECUTE},
    {.access = LANDLOCK_WRITE,   .rights = LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE},
    {.access = LANDLOCK_CHANGE,  .rights = CHANGE_RIGHTS},
    {.access = LANDLOCK_DEVICE,  .rights = ACCESS_IOCTL_DEVICE},
};

/* Never allowed by a rule, so always refused. */
#define REFUSED_RIGHTS (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

/* What came after LANDLOCK_ABI_MINIMUM. */
static const struct { int abi; uint64_t rights; } additions[] = {
    {.abi = 3, .rights = ACCESS_TRUNCATE},
    {.abi = 5, .rights = ACCESS_IOCTL_DEVICE},
};
/* clang-format on */

static uint64_t rights_of(unsigned int access)
{
    uint64_t rights = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(meanings); i++) {
        if ((access & meanings[i].access) != 0)
            rights |= meanings[i].rights;
    }
    return rights;
}

static uint64_t known_rights(int abi)
{
    uint64_t rights = rights_of(UINT32_MAX) | REFUSED_RIGHTS;

    for (size_t i = 0; i < ARRAY_LENGTH(additions); i++) {
        if (abi < additions[i].abi)
            rights &= ~additions[i].rights;
    }
    return rights;
}

static int add_rule(int ruleset, const struct landlock_rule *rule, uint64_t known,
                    struct error *err)
{
    cleanup_fd int fd = open(rule->path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr attributes = {
        .parent_fd = fd,
        .allowed_access = rights_of(rule->access) & known,
    };
    struct stat status;
    int result;

    if (fd < 0 && errno == ENOENT && rule->is_optional)
        return 0;
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(err, errno, "open '%s' for a Landlock rule", rule->path);
    if (!S_ISDIR(status.st_mode))
        attributes.allowed_access &= FILE_RIGHTS;
    result = sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attributes);
    return result < 0 ? error_set(err, -result, "add a Landlock rule for '%s'", rule->path) : 0;
}

int landlock_confine(const struct landlock_rule *rules, size_t count, struct error *err)
{
    int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset attributes = {.files = known_rights(abi)};
    cleanup_fd int ruleset = -1;
    int result = 0;

    if (abi < LANDLOCK_ABI_MINIMUM)
        return error_set(err, abi < 0 ? -abi : ENOSYS,
                         "Landlock version %d is needed; boot the host with landlock in the lsm= "
                         "list, on Linux 6.1 or newer",
                         LANDLOCK_ABI_MINIMUM);
    if (abi >= 6)
        attributes.scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
    ruleset = sys_landlock_create_ruleset((const void *)&attributes, sizeof(attributes), 0);
    if (ruleset < 0)
        return error_set(err, -ruleset, "make a Landlock ruleset");
    for (size_t i = 0; i < count && result == 0; i++)
        result = add_rule(ruleset, &rules[i], attributes.files, err);
    if (result < 0)
        return result;
    result = sys_landlock_restrict_self(ruleset);
    return result < 0 ? error_set(err, -result, "take the Landlock rules on") : 0;
}
