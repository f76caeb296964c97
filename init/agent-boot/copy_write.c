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

/* A file or directory as it was seen, and whether its copy has rights of a default ACL above it. */
struct rights {
    const struct stat *status;
    const struct copy_attributes *attributes;
    bool is_mode_lost;
};

/* The bits that travel, as they are without an ACL. Where a group shares the tree it gets the
 * owner's, and so does the group of what is made in its directories. */
static mode_t mode_of_copy(const struct copy_worker *worker, const struct rights *rights)
{
    mode_t mode = rights->status->st_mode & 0777 & ~rights->attributes->masked;
    if (!worker->run->plan->is_shared)
        return mode;
    return mode | (mode & S_IRWXU) >> 3 | (S_ISDIR(rights->status->st_mode) ? S_ISGID : 0);
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

/* Gives the new directory FD the mode that it was asked for and nothing else, so that what is made
 * in it gets that too. */
static int make_plain(int fd, mode_t mode)
{
    int result = copy_attributes_drop_acls(fd, true);
    return result == 0 && fchmod(fd, mode) < 0 ? -errno : result;
}

static int enter_link_directory(struct copy_worker *worker, struct copy_directory *directory)
{
    if (directory->top->root.link < 0)
        return 0;
    bool is_shared = worker->run->plan->is_shared;
    mode_t mode = is_shared ? 0775 : 0755;
    int made = directory->parent == NULL ? 1 : copy_directory_make(directory, COPY_LINK, mode);
    if (made < 0)
        return made;
    int fd = directory->fds[COPY_LINK] = copy_directory_open(directory, COPY_LINK, O_RDONLY);
    if (fd < 0)
        return fd;
    return made == 0 && !is_shared && has_default_acl(fd) ? make_plain(fd, mode) : 0;
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
    bool is_to_be_plain = result == 0 && is_inherited && has_plain_directories(directory) &&
                          !worker->run->plan->is_shared;
    if (is_to_be_plain)
        result = make_plain(fd, mode);
    if (result < 0)
        return fail(-result, "take the ACLs from", directory, NULL, err);
    directory->is_mode_lost = directory->is_mode_lost && !is_to_be_plain;
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

/*
 * Attributes, mode, ACLs: in this order, because an attribute may need more of a mode than the
 * source has, and so that what ACLs there could not be set is not made up for by the mode. A tree
 * that is shared by group has the ACLs that make it so, and no others.
 */
static int write_rights(struct copy_worker *worker, int fd, const struct rights *rights)
{
    bool is_shared = worker->run->plan->is_shared;
    uint64_t left_out = 0;
    int result = copy_attributes_write(fd, rights->attributes, &left_out);
    if (result == 0 && rights->is_mode_lost && !is_shared)
        result = copy_attributes_drop_acls(fd, S_ISDIR(rights->status->st_mode));
    if (result == 0 && fchmod(fd, mode_of_copy(worker, rights)) < 0)
        result = -errno;
    if (result == 0 && !is_shared)
        result = copy_attributes_write_acls(fd, rights->attributes, &left_out);
    if (left_out > 0)
        atomic_fetch_add(&worker->run->done.attributes, left_out);
    return result;
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
    const struct rights rights = {&entry->status, &entry->attributes, directory->is_mode_lost};
    /* Setting an attribute needs write permission in the mode, whatever the descriptor may do. */
    mode_t mode = entry->attributes.size > 0 ? 0600 : mode_of_copy(worker, &rights);
    cleanup_fd int fd = openat(directory->fds[COPY_TARGET], entry->name,
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    bool keeps_existing = (directory->top->root.flags & COPY_KEEP_EXISTING) != 0;
    if (fd < 0)
        return errno == EEXIST && keeps_existing ? 0 : -errno;
    int result = write_content(worker, directory, entry, fd);
    bool has_attributes = entry->attributes.size > 0 || entry->attributes.left_out > 0;
    if (result == 0 && (has_attributes || directory->is_mode_lost))
        result = write_rights(worker, fd, &rights);
    const struct timespec times[2] = {entry->status.st_atim, entry->status.st_mtim};
    if (result == 0 && futimens(fd, times) < 0)
        result = -errno;
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
    const struct rights rights = {&directory->status, &directory->attributes,
                                  directory->is_mode_lost};
    int result = write_rights(worker, fd, &rights);
    const struct timespec times[2] = {directory->status.st_atim, directory->status.st_mtim};
    if (result == 0 && futimens(fd, times) < 0)
        result = -errno;
    return result < 0 ? fail(-result, "set attributes, mode and times of", directory, NULL, err)
                      : 0;
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
