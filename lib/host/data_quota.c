/* How much a store has. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/host/data_store.h"
#include "lib/pack/limits.h"

#define BLOCK 4096

uint64_t data_quota_charge(uint64_t size)
{
    return (size / BLOCK + 1) * BLOCK;
}

static int measure(int parent, const char *name, int depth, uint64_t *bytes);

static int measure_entry(int directory, const char *name, int depth, uint64_t *bytes)
{
    struct stat status;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    *bytes += data_quota_charge(S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0);
    return S_ISDIR(status.st_mode) ? measure(directory, name, depth + 1, bytes) : 0;
}

static int measure(int parent, const char *name, int depth, uint64_t *bytes)
{
    /* Deeper, nothing of ours is. */
    if (depth > PACK_DEPTH_MAX)
        return 0;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    cleanup_directory DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int result = 0;
    if (directory == NULL) {
        result = -errno;
        cleanup_close(&fd);
        return result;
    }
    while (result == 0 && (entry = readdir(directory)) != NULL)
        result = measure_entry(dirfd(directory), entry->d_name, depth, bytes);
    return result;
}

int data_quota_check(const struct data_store *store, uint64_t more, struct error *err)
{
    uint64_t bytes = 0;
    /* What grows by nothing is fine, however much there is. */
    int result = more == 0 ? 0 : measure(store->tree, ".", 0, &bytes);
    if (result < 0)
        return error_set(err, -result, "look how much '%s' keeps", store->agent);
    if (more == 0 || (bytes <= store->quota && more <= store->quota - bytes))
        return 0;
    return error_set(err, EDQUOT,
                     "'%s' keeps %llu MiB, and with %llu KiB more that is above the %llu MiB that "
                     "sessions may; remove what is old below the data of agents (data/%s)",
                     store->agent, (unsigned long long)bytes / 1024 / 1024,
                     (unsigned long long)more / 1024,
                     (unsigned long long)store->quota / 1024 / 1024, store->agent);
}
