/* The writer's half: directories, files and links of the target, made anew beneath their parents.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "init/agent-boot/copy_worker.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

static int fail(int number, const char *what, const struct copy_directory *directory,
                const char *name, struct error *err)
{
    char text[COPY_PATH_TEXT_SIZE];
    return error_set(err, number, "%s '%s'", what, copy_directory_text(directory, name, text));
}

/* The bits that travel; where a group shares the tree it gets the owner's. */
static mode_t mode_of_copy(const struct copy_worker *worker, const struct stat *status)
{
    mode_t mode = status->st_mode & 0777;
    return worker->run->plan->is_shared ? mode | (mode & S_IRWXU) >> 3 : mode;
}

static bool has_plain_directories(const struct copy_directory *directory)
{
    return (directory->top->root.flags & COPY_PLAIN_DIRECTORIES) != 0;
}

/* What a directory has while it is filled. */
static mode_t mode_of_new_directory(const struct copy_worker *worker,
                                    const struct copy_directory *directory)
{
    if (!has_plain_directories(directory))
        return 0700;
    return worker->run->plan->is_shared ? 0775 : 0755;
}

static bool has_default_acl(int fd)
{
    return fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0;
}

static int enter_link_directory(struct copy_worker *worker, struct copy_directory *directory)
{
    if (directory->top->root.link < 0)
        return 0;
    mode_t mode = worker->run->plan->is_shared ? 0775 : 0755;
    int result = directory->parent == NULL ? 0 : copy_directory_make(directory, COPY_LINK, mode);
    if (result >= 0)
        result = directory->fds[COPY_LINK] = copy_directory_open(directory, COPY_LINK, O_PATH);
    return result < 0 ? result : 0;
}

int copy_write_directory(struct copy_worker *worker, struct copy_directory *directory,
                         struct error *err)
{
    mode_t mode = mode_of_new_directory(worker, directory);
    bool is_top = directory->parent == NULL;
    int result = is_top ? 1 : copy_directory_make(directory, COPY_TARGET, mode);
    if (result < 0)
        return fail(-result, "make the directory", directory, NULL, err);
    int fd = copy_directory_open(directory, COPY_TARGET, O_RDONLY);
    if (fd < 0)
        return fail(-fd, "open the copy of the directory", directory, NULL, err);
    directory->fds[COPY_TARGET] = fd;
    directory->is_made = true;
    /* What is made below inherits it, so only a directory that was there needs the look. */
    bool is_inherited = !is_top && directory->parent->is_mode_lost;
    directory->is_mode_lost = is_inherited || (result == 1 && has_default_acl(fd));
    result = enter_link_directory(worker, directory);
    return result < 0 ? fail(-result, "make the linked directory", directory, NULL, err) : 0;
}

static int write_content(struct copy_worker *worker, struct copy_directory *directory,
                         const struct copy_entry *entry, int fd)
{
    if (entry->fd >= 0)
        return copy_data(&worker->pipe, directory->top, entry->fd, fd, &entry->status);
    atomic_fetch_add(&worker->run->done.bytes, entry->size);
    return entry->size == 0 ? 0 : fd_write_all(fd, entry->data, entry->size);
}

static int write_metadata(struct copy_worker *worker, const struct copy_directory *directory,
                          const struct copy_entry *entry, int fd)
{
    bool has_attributes = entry->attributes.size > 0;
    uint64_t left_out = 0;
    int result = copy_attributes_write(fd, &entry->attributes, &left_out);
    if (result < 0)
        return result;
    if (left_out > 0)
        atomic_fetch_add(&worker->run->done.attributes, left_out);
    if ((has_attributes || directory->is_mode_lost) &&
        fchmod(fd, mode_of_copy(worker, &entry->status)) < 0)
        return -errno;
    const struct timespec times[2] = {entry->status.st_atim, entry->status.st_mtim};
    return futimens(fd, times) < 0 ? -errno : 0;
}

static int link_copy(const struct copy_directory *directory, const char *name)
{
    const int *fds = directory->fds;
    if (fds[COPY_LINK] >= 0 && linkat(fds[COPY_TARGET], name, fds[COPY_LINK], name, 0) < 0 &&
        errno != EEXIST)
        return -errno;
    return 0;
}

static int write_regular(struct copy_worker *worker, struct copy_directory *directory,
                         const struct copy_entry *entry)
{
    /* Setting an attribute needs write permission in the mode, whatever the descriptor may do. */
    mode_t mode = entry->attributes.size > 0 ? 0600 : mode_of_copy(worker, &entry->status);
    cleanup_fd int fd = openat(directory->fds[COPY_TARGET], entry->name,
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    bool keeps_existing = (directory->top->root.flags & COPY_KEEP_EXISTING) != 0;
    if (fd < 0)
        return errno == EEXIST && keeps_existing ? 0 : -errno;
    int result = write_content(worker, directory, entry, fd);
    if (result == 0)
        result = write_metadata(worker, directory, entry, fd);
    if (result == 0)
        result = link_copy(directory, entry->name);
    if (result == 0)
        atomic_fetch_add(&worker->run->done.files, 1);
    return result;
}

static int write_link(struct copy_worker *worker, const struct copy_directory *directory,
                      const struct copy_entry *entry)
{
    int at = directory->fds[COPY_TARGET];
    const struct timespec times[2] = {entry->status.st_atim, entry->status.st_mtim};
    if (symlinkat(entry->data, at, entry->name) < 0 ||
        utimensat(at, entry->name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    int result = link_copy(directory, entry->name);
    if (result == 0)
        atomic_fetch_add(&worker->run->done.files, 1);
    return result;
}

static int write_entry(struct copy_worker *worker, struct copy_directory *directory,
                       const struct copy_entry *entry)
{
    if (S_ISREG(entry->status.st_mode))
        return write_regular(worker, directory, entry);
    if (S_ISLNK(entry->status.st_mode))
        return write_link(worker, directory, entry);
    if (mkdirat(directory->fds[COPY_TARGET], entry->name, 0755) < 0 && errno != EEXIST)
        return -errno;
    return 0;
}

int copy_write_batch(struct copy_worker *worker, struct copy_directory *directory,
                     struct error *err)
{
    int result = 0;
    for (size_t i = 0; i < worker->count; i++) {
        struct copy_entry *entry = &worker->entries[i];
        if (result == 0 && atomic_load(&worker->run->is_stopped))
            result = -ECANCELED;
        else if (result == 0)
            result = write_entry(worker, directory, entry);
        if (result < 0 && err->number == 0)
            fail(-result, "copy", directory, entry->name, err);
        cleanup_close(&entry->fd);
        copy_attributes_free(&entry->attributes);
    }
    worker->count = 0;
    return result;
}

int copy_write_directory_end(struct copy_worker *worker, struct copy_directory *directory,
                             struct error *err)
{
    bool is_kept_as_is = directory->parent == NULL && (directory->top->root.flags & COPY_KEEP_ROOT);
    if (!directory->is_made || is_kept_as_is || has_plain_directories(directory))
        return 0;
    bool is_open = directory->fds[COPY_TARGET] >= 0;
    cleanup_fd int opened = is_open ? -1 : copy_directory_open(directory, COPY_TARGET, O_RDONLY);
    int fd = is_open ? directory->fds[COPY_TARGET] : opened;
    if (fd < 0)
        return fail(-fd, "open the copy of the directory", directory, NULL, err);
    uint64_t left_out = 0;
    int result = copy_attributes_write(fd, &directory->attributes, &left_out);
    if (result < 0)
        return fail(-result, "set the attributes of", directory, NULL, err);
    if (left_out > 0)
        atomic_fetch_add(&worker->run->done.attributes, left_out);
    mode_t mode = mode_of_copy(worker, &directory->status);
    /* What the group makes in it belongs to the group. */
    mode |= worker->run->plan->is_shared ? S_ISGID : 0;
    const struct timespec times[2] = {directory->status.st_atim, directory->status.st_mtim};
    if (fchmod(fd, mode) < 0 || futimens(fd, times) < 0)
        return fail(errno, "set mode and times of", directory, NULL, err);
    return 0;
}

static int make_link(const struct copy_link *link, enum copy_side side)
{
    cleanup_fd int from = copy_directory_open(link->first->directory, side, O_PATH);
    cleanup_fd int to = copy_directory_open(link->directory, side, O_PATH);
    if (from < 0 || to < 0)
        return from < 0 ? from : to;
    bool keeps_existing = (link->directory->top->root.flags & COPY_KEEP_EXISTING) != 0;
    if (linkat(from, link->first->name, to, link->name, 0) < 0)
        return errno == EEXIST && keeps_existing ? 0 : -errno;
    return 0;
}

int copy_write_links(struct copy_worker *worker, struct error *err)
{
    struct copy_run *run = worker->run;
    for (const struct copy_link *link = run->links.list; link != NULL; link = link->next) {
        link->directory->is_held = false;
        if (link->first == NULL)
            continue;
        int result = atomic_load(&run->is_stopped) ? -ECANCELED : make_link(link, COPY_TARGET);
        if (result == 0 && link->directory->top->root.link >= 0)
            result = make_link(link, COPY_LINK);
        if (result < 0)
            return fail(-result, "link", link->directory, link->name, err);
        atomic_fetch_add(&run->done.files, 1);
    }
    return 0;
}
