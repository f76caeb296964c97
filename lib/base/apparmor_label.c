/* Reads the AppArmor label of the calling thread. */
#include "lib/base/apparmor_label.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

int apparmor_label_read(char label[APPARMOR_LABEL_SIZE])
{
    /* In two steps: a missing /proc must not look like a kernel without AppArmor. */
    cleanup_fd int attributes = open("/proc/thread-self/attr", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (attributes < 0)
        return -errno;
    /* Not `attr/current`, which belongs to whichever security module shows itself there. */
    cleanup_fd int fd = openat(attributes, "apparmor/current", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    ssize_t length = read(fd, label, APPARMOR_LABEL_SIZE);
    if (length < 0)
        return errno == EINVAL ? 0 : -errno; /* built into the kernel, but switched off */
    if (length == APPARMOR_LABEL_SIZE)
        return -ENAMETOOLONG;
    label[length] = '\0';
    label[strcspn(label, "\n")] = '\0';
    return (int)strlen(label);
}
