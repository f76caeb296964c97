/* What keeps the secrets of the broker in its memory, and its writer in one directory. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/host/landlock.h"

int confine_memory(struct error *err)
{
    int result = keeper_child_hide(err);
    if (result < 0)
        return result;
    /* All of it, not the secrets alone: copies lie on the stack and in buffers for a moment. */
    if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
        return error_set(
            err, errno, "keep the broker out of swap; allow it 8 MiB of locked memory (ulimit -l)");
    return 0;
}

int confine_to_directory(const char *path, struct error *err)
{
    cleanup_fd int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return directory < 0 ? error_set(err, errno, "open '%s'", path)
                         : landlock_confine(directory, LANDLOCK_FILES, "the broker", err);
}
