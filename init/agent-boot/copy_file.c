/* Copies one file: opened beneath its root with the reader's eyes, created beneath its root as the
 * writer. */
#include "init/agent-boot/copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/copy_identity.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

/* copy_file_range in pieces, so that a stop is heard within one of them. */
#define PIECE_BYTES (64u * 1024 * 1024)
#define BUFFER_BYTES (256u * 1024)

void copy_worker_init(struct copy_worker *worker, const struct copy_plan *plan,
                      const atomic_bool *is_stopped)
{
    *worker = (struct copy_worker){
        .plan = plan,
        .is_stopped = is_stopped,
        .source = {.fd = -1},
        .target = {.fd = -1},
        .link = {.fd = -1},
    };
}

void copy_worker_end(struct copy_worker *worker)
{
    cleanup_close(&worker->source.fd);
    cleanup_close(&worker->target.fd);
    cleanup_close(&worker->link.fd);
}

static int become(struct copy_worker *worker, enum copy_side side, struct error *err)
{
    if (worker->side == side)
        return 0;
    const struct copy_identity *identity =
        side == COPY_SIDE_READER ? &worker->plan->reader : &worker->plan->writer;
    int result = copy_identity_assume(identity);
    if (result < 0) {
        worker->side = COPY_SIDE_NONE;
        return error_set(err, -result, "act as user %u", identity->uid);
    }
    worker->side = side;
    return 0;
}

/* Makes the missing directories of PATH, component by component, never through a link. */
static int make_directories(int root, const char *path)
{
    char prefix[PATH_MAX];
    snprintf(prefix, sizeof(prefix), "%s", path);
    for (char *at = prefix;;) {
        at += strcspn(at, "/");
        char saved = *at;
        *at = '\0';
        char *slash = strrchr(prefix, '/');
        cleanup_fd int parent = -1;
        int at_fd = root;
        if (slash != NULL) {
            *slash = '\0';
            parent = path_open_beneath(root, prefix, O_PATH | O_DIRECTORY, 0);
            *slash = '/';
            if (parent < 0)
                return parent;
            at_fd = parent;
        }
        if (mkdirat(at_fd, slash == NULL ? prefix : slash + 1, 0777) < 0 && errno != EEXIST)
            return -errno;
        if (saved == '\0')
            return 0;
        *at++ = saved;
    }
}

/* Splits PATH into its directory, opened (and made, for MAKE) in CACHE, and its last component. */
static int enter_directory(struct copy_directory *cache, int root, const char *path, bool make,
                           const char **name)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    *name = slash == NULL ? path : slash + 1;
    if (length >= sizeof(cache->path))
        return -ENAMETOOLONG;
    bool is_same = cache->fd >= 0 && cache->root == root && strlen(cache->path) == length &&
                   memcmp(cache->path, path, length) == 0;
    if (is_same)
        return 0;
    cleanup_close(&cache->fd);
    memcpy(cache->path, path, length);
    cache->path[length] = '\0';
    cache->root = root;
    const char *directory = length == 0 ? "." : cache->path;
    cache->fd = path_open_beneath(root, directory, O_PATH | O_DIRECTORY, 0);
    if (cache->fd == -ENOENT && make) {
        int result = make_directories(root, directory);
        cache->fd =
            result < 0 ? result : path_open_beneath(root, directory, O_PATH | O_DIRECTORY, 0);
    }
    return cache->fd < 0 ? cache->fd : 0;
}

static int copy_by_buffer(struct copy_worker *worker, int source, int target)
{
    cleanup_free char *buffer = malloc(BUFFER_BYTES);
    if (buffer == NULL)
        return -ENOMEM;
    for (;;) {
        ssize_t count = read(source, buffer, BUFFER_BYTES);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : 0;
        int result = fd_write_all(target, buffer, (size_t)count);
        if (result < 0)
            return result;
        worker->result.bytes += (uint64_t)count;
        if (atomic_load(worker->is_stopped))
            return -ECANCELED;
    }
}

/* A shared extent where the file system can, else inside the kernel, else through a buffer. */
static int copy_data(struct copy_worker *worker, int source, int target, off_t size)
{
    if (size == 0)
        return 0;
    if (ioctl(target, FICLONE, source) == 0) {
        worker->result.bytes += (uint64_t)size;
        return 0;
    }
    for (;;) {
        ssize_t count = copy_file_range(source, NULL, target, NULL, PIECE_BYTES, 0);
        if (count == 0)
            return 0;
        if (count > 0) {
            worker->result.bytes += (uint64_t)count;
            if (atomic_load(worker->is_stopped))
                return -ECANCELED;
            continue;
        }
        /* EXDEV, EINVAL, EOPNOTSUPP, ENOSYS: this pair of file systems cannot; copy_file_range(2).
         */
        if (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)
            return copy_by_buffer(worker, source, target);
        if (errno != EINTR)
            return -errno;
    }
}

static int link_copy(struct copy_worker *worker, const struct copy_item *item, const char *name)
{
    const char *link_name;
    int result = enter_directory(&worker->link, item->link_root, item->link_path, true, &link_name);
    if (result < 0)
        return result;
    if (linkat(worker->target.fd, name, worker->link.fd, link_name, 0) < 0 && errno != EEXIST)
        return -errno;
    return 0;
}

static int write_regular(struct copy_worker *worker, const struct copy_item *item, int source,
                         const struct stat *status, struct error *err)
{
    const char *name;
    int result = become(worker, COPY_SIDE_WRITER, err);
    if (result < 0)
        return result;
    result = enter_directory(&worker->target, item->target_root, item->target, true, &name);
    if (result < 0)
        return error_set(err, -result, "make the directory of '%s'", item->target);
    mode_t mode = status->st_mode & 0777;
    mode |= worker->plan->is_shared ? (mode & S_IRWXU) >> 3 : 0;
    cleanup_fd int target =
        openat(worker->target.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (target < 0 && errno == EEXIST && (item->flags & COPY_KEEP_EXISTING) != 0)
        return 0;
    if (target < 0)
        return error_set(err, errno, "create '%s'", item->target);
    result = copy_data(worker, source, target, status->st_size);
    if (result < 0)
        return error_set(err, -result, "copy '%s'", item->source);
    const struct timespec times[2] = {status->st_atim, status->st_mtim};
    if (fchmod(target, mode) < 0 || futimens(target, times) < 0)
        return error_set(err, errno, "set mode and times of '%s'", item->target);
    if (item->link_root >= 0)
        result = link_copy(worker, item, name);
    if (result < 0)
        return error_set(err, -result, "link '%s' into the volume's repository", item->target);
    worker->result.files++;
    return 0;
}

static int copy_regular(struct copy_worker *worker, const struct copy_item *item, const char *name,
                        struct error *err)
{
    cleanup_fd int source =
        openat(worker->source.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (source < 0 && errno == ENOENT) {
        worker->result.missing++;
        return 0;
    }
    if (source < 0)
        return error_set(err, errno, "open '%s' of the repository", item->source);
    struct stat status;
    if (fstat(source, &status) < 0)
        return error_set(err, errno, "stat '%s' of the repository", item->source);
    if (!S_ISREG(status.st_mode)) {
        worker->result.special++;
        return 0;
    }
    return write_regular(worker, item, source, &status, err);
}

static int copy_link(struct copy_worker *worker, const struct copy_item *item, const char *name,
                     struct error *err)
{
    char text[PATH_MAX];
    ssize_t length = readlinkat(worker->source.fd, name, text, sizeof(text) - 1);
    if (length < 0)
        return error_set(err, errno, "read the link '%s' of the repository", item->source);
    text[length] = '\0';
    int result = become(worker, COPY_SIDE_WRITER, err);
    if (result < 0)
        return result;
    result = enter_directory(&worker->target, item->target_root, item->target, true, &name);
    if (result < 0)
        return error_set(err, -result, "make the directory of '%s'", item->target);
    if (symlinkat(text, worker->target.fd, name) < 0)
        return error_set(err, errno, "create the link '%s'", item->target);
    worker->result.files++;
    return 0;
}

int copy_worker_copy(struct copy_worker *worker, const struct copy_item *item, struct error *err)
{
    const char *name;
    int result = become(worker, COPY_SIDE_READER, err);
    if (result < 0)
        return result;
    result = enter_directory(&worker->source, item->source_root, item->source, false, &name);
    struct stat status = {.st_mode = 0};
    if (result == 0 && fstatat(worker->source.fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        result = -errno;
    if (result == -ENOENT || result == -ENOTDIR) {
        worker->result.missing++;
        return 0;
    }
    if (result < 0)
        return error_set(err, -result, "look at '%s' of the repository", item->source);
    if (S_ISREG(status.st_mode))
        return copy_regular(worker, item, name, err);
    if (S_ISLNK(status.st_mode) && (item->flags & COPY_REGULAR_ONLY) == 0)
        return copy_link(worker, item, name, err);
    worker->result.special++;
    return 0;
}
