/* Reads and sets user attributes and ACLs; what else is the system's or a security module's never
 * travels. */
#include "init/agent-boot/copy_attributes.h"

#include <endian.h>
#include <errno.h>
#include <linux/limits.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib/base/cleanup.h"

#define ACCESS_ACL "system.posix_acl_access"
#define DEFAULT_ACL "system.posix_acl_default"

struct path_text {
    char text[sizeof("/proc/self/fd/") + 12];
};

static struct path_text path_of(int fd)
{
    struct path_text path;
    snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
    return path;
}

static bool is_user(const char *name)
{
    return strncmp(name, "user.", strlen("user.")) == 0;
}

static bool is_acl(const char *name)
{
    return strcmp(name, ACCESS_ACL) == 0 || strcmp(name, DEFAULT_ACL) == 0;
}

/* A directory that may only be searched was opened with O_PATH, which these calls do not take. */
static ssize_t list_names(int fd, char *names, size_t size)
{
    ssize_t count = flistxattr(fd, names, size);
    return count < 0 && errno == EBADF ? listxattr(path_of(fd).text, names, size) : count;
}

static ssize_t get_value(int fd, const char *name, char *value)
{
    ssize_t count = fgetxattr(fd, name, value, XATTR_SIZE_MAX);
    return count < 0 && errno == EBADF ? getxattr(path_of(fd).text, name, value, XATTR_SIZE_MAX)
                                       : count;
}

/* What the ACL gives to the file's group, as bits of a mode; nothing when it makes no sense. */
static mode_t group_of_acl(const char *value, size_t size)
{
    struct posix_acl_xattr_header header;
    struct posix_acl_xattr_entry entry;
    if (size < sizeof(header))
        return 0;
    memcpy(&header, value, sizeof(header));
    if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION)
        return 0;
    for (size_t at = sizeof(header); size - at >= sizeof(entry); at += sizeof(entry)) {
        memcpy(&entry, value + at, sizeof(entry));
        if (le16toh(entry.e_tag) == ACL_GROUP_OBJ)
            return (mode_t)(le16toh(entry.e_perm) << 3) & S_IRWXG;
    }
    return 0;
}

/* Appends name, size and value. An attribute that went away in the meantime is none. */
static int append(int fd, const char *name, char *value, struct copy_attributes *attributes)
{
    ssize_t count = get_value(fd, name, value);
    if (count < 0 && errno != ENODATA && errno != EACCES)
        return -errno;
    /* Of an ACL that is not seen, nothing is known that the group has. */
    if (strcmp(name, ACCESS_ACL) == 0)
        attributes->masked = S_IRWXG & ~(count < 0 ? 0 : group_of_acl(value, (size_t)count));
    if (count < 0) {
        attributes->left_out += errno == EACCES ? 1 : 0;
        return 0;
    }
    size_t size = (size_t)count;
    size_t length = strlen(name) + 1;
    size_t needed = attributes->size + length + sizeof(size) + size;
    if (needed > COPY_ATTRIBUTES_MAX) {
        attributes->left_out++;
        return 0;
    }
    char *larger = realloc(attributes->block, needed);
    if (larger == NULL)
        return -ENOMEM;
    attributes->block = larger;
    char *at = larger + attributes->size;
    memcpy(at, name, length);
    memcpy(at + length, &size, sizeof(size));
    memcpy(at + length + sizeof(size), value, size);
    attributes->size = needed;
    return 0;
}

int copy_attributes_read(int fd, struct copy_attributes *attributes)
{
    ssize_t count = list_names(fd, NULL, 0);
    if (count == 0 || (count < 0 && errno == EOPNOTSUPP))
        return 0;
    /* The list may grow meanwhile; this is the most it can be. */
    cleanup_free char *buffer = count < 0 ? NULL : malloc(XATTR_LIST_MAX + XATTR_SIZE_MAX);
    if (count >= 0 && buffer == NULL)
        return -ENOMEM;
    if (count > 0)
        count = list_names(fd, buffer, XATTR_LIST_MAX);
    if (count < 0)
        return -errno;
    int result = 0;
    for (const char *name = buffer; result == 0 && name < buffer + count; name += strlen(name) + 1)
        if (is_user(name) || is_acl(name))
            result = append(fd, name, buffer + XATTR_LIST_MAX, attributes);
    return result;
}

/* Sets those that IS_WANTED takes. */
static int write_wanted(int fd, const struct copy_attributes *attributes,
                        bool (*is_wanted)(const char *), uint64_t *left_out)
{
    for (const char *name = attributes->block; name < attributes->block + attributes->size;) {
        size_t size;
        const char *at = name + strlen(name) + 1;
        memcpy(&size, at, sizeof(size));
        at += sizeof(size);
        /* ENOSPC is also how ext4 says that its one block for attributes is full, EINVAL how an ACL
         * is refused that names users who are none in this user namespace. */
        if (is_wanted(name) && fsetxattr(fd, name, at, size, 0) < 0) {
            if (errno != EOPNOTSUPP && errno != E2BIG && errno != ENOSPC &&
                !(errno == EINVAL && is_acl(name)))
                return -errno;
            ++*left_out;
        }
        name = at + size;
    }
    return 0;
}

int copy_attributes_write(int fd, const struct copy_attributes *attributes, uint64_t *left_out)
{
    *left_out += attributes->left_out;
    return write_wanted(fd, attributes, is_user, left_out);
}

int copy_attributes_write_acls(int fd, const struct copy_attributes *attributes, uint64_t *left_out)
{
    return write_wanted(fd, attributes, is_acl, left_out);
}

static int drop(int fd, const char *name)
{
    return fremovexattr(fd, name) < 0 && errno != ENODATA && errno != EOPNOTSUPP ? -errno : 0;
}

int copy_attributes_drop_acls(int fd, bool is_directory)
{
    int result = drop(fd, ACCESS_ACL);
    return result == 0 && is_directory ? drop(fd, DEFAULT_ACL) : result;
}

void copy_attributes_free(struct copy_attributes *attributes)
{
    free(attributes->block);
    *attributes = (struct copy_attributes){.block = NULL};
}
