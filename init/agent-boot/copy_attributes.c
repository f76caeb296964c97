/* Reads and sets user attributes; those of the system and of security modules never travel. */
#include "init/agent-boot/copy_attributes.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/xattr.h>

#include "lib/base/cleanup.h"

static bool is_user(const char *name)
{
    return strncmp(name, "user.", strlen("user.")) == 0;
}

/* Appends name, size and value. An attribute that went away in the meantime is none. */
static int append(int fd, const char *name, char *value, struct copy_attributes *attributes)
{
    ssize_t count = fgetxattr(fd, name, value, XATTR_SIZE_MAX);
    if (count < 0)
        return errno == ENODATA ? 0 : -errno;
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
    ssize_t count = flistxattr(fd, NULL, 0);
    if (count == 0 || (count < 0 && errno == EOPNOTSUPP))
        return 0;
    /* The list may grow meanwhile; this is the most it can be. */
    cleanup_free char *buffer = count < 0 ? NULL : malloc(XATTR_LIST_MAX + XATTR_SIZE_MAX);
    if (count >= 0 && buffer == NULL)
        return -ENOMEM;
    if (count > 0)
        count = flistxattr(fd, buffer, XATTR_LIST_MAX);
    if (count < 0)
        return -errno;
    int result = 0;
    for (const char *name = buffer; result == 0 && name < buffer + count; name += strlen(name) + 1)
        if (is_user(name))
            result = append(fd, name, buffer + XATTR_LIST_MAX, attributes);
    return result;
}

int copy_attributes_write(int fd, const struct copy_attributes *attributes, uint64_t *left_out)
{
    *left_out += attributes->left_out;
    for (const char *name = attributes->block; name < attributes->block + attributes->size;) {
        size_t size;
        const char *at = name + strlen(name) + 1;
        memcpy(&size, at, sizeof(size));
        at += sizeof(size);
        /* ENOSPC is also how ext4 says that its one block for attributes is full. */
        if (fsetxattr(fd, name, at, size, 0) < 0) {
            if (errno != EOPNOTSUPP && errno != E2BIG && errno != ENOSPC)
                return -errno;
            ++*left_out;
        }
        name = at + size;
    }
    return 0;
}

void copy_attributes_free(struct copy_attributes *attributes)
{
    free(attributes->block);
    *attributes = (struct copy_attributes){.block = NULL};
}
