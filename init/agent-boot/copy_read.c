/* The reader's half: directories and entries of the source, seen once, through descriptors only. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/agent-boot/copy_worker.h"
#include "lib/base/cleanup.h"

static int fail(int number, const char *what, const struct copy_directory *directory,
                const char *name, struct error *err)
{
    char text[COPY_PATH_TEXT_SIZE];
    return error_set(err, number, "%s '%s' of the source", what,
                     copy_directory_text(directory, name, text));
}

static int add_child(struct copy_worker *worker, struct copy_directory *directory, const char *name)
{
    struct copy_directory *child = copy_directory_new(directory, name, strlen(name));
    if (child == NULL)
        return -ENOMEM;
    child->is_whole = true;
    child->next_sibling = worker->new_children;
    worker->new_children = child;
    return 0;
}

static bool is_directory(int fd, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/* What changes its kind after this look is found out when it is opened. */
static int list_entries(struct copy_worker *worker, struct copy_directory *directory)
{
    /* A descriptor of its own: closedir(3) closes it. */
    int fd = openat(directory->fds[COPY_SOURCE], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_directory DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) {
        int result = -errno;
        cleanup_close(&fd);
        return result;
    }
    copy_filter *skips = directory->top->root.skips;
    int result = 0;
    const struct dirent *entry;
    for (errno = 0; result == 0 && (entry = readdir(stream)) != NULL; errno = 0) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            (skips != NULL && skips(directory->name, name)))
            continue;
        result = is_directory(fd, entry) ? add_child(worker, directory, name)
                                         : copy_directory_add_name(directory, name, strlen(name));
    }
    return result < 0 ? result : -errno;
}

/* A listed directory need only be searchable; one that is copied whole must be readable. */
static int open_source(const struct copy_directory *directory)
{
    int fd = copy_directory_open(directory, COPY_SOURCE, O_RDONLY);
    if (fd == -EACCES && !directory->is_whole)
        fd = copy_directory_open(directory, COPY_SOURCE, O_PATH);
    return fd;
}

static size_t count_names(const struct copy_directory *directory)
{
    size_t count = 0;
    for (size_t at = 0; at < directory->names_size; at += strlen(directory->names + at) + 1)
        count++;
    return count;
}

int copy_read_directory(struct copy_worker *worker, struct copy_directory *directory,
                        struct error *err)
{
    int fd = open_source(directory);
    if (fd == -ENOENT || fd == -ENOTDIR) {
        atomic_fetch_add(&worker->run->done.missing, count_names(directory));
        directory->names_next = directory->names_size;
        return 1;
    }
    if (fd < 0)
        return fail(-fd, "open the directory", directory, NULL, err);
    directory->fds[COPY_SOURCE] = fd;
    if (fstat(fd, &directory->status) < 0)
        return fail(errno, "look at", directory, NULL, err);
    int result = copy_attributes_read(fd, &directory->attributes);
    if (result < 0)
        return fail(-result, "read the attributes of", directory, NULL, err);
    result = directory->is_whole ? list_entries(worker, directory) : 0;
    return result < 0 ? fail(-result, "list", directory, NULL, err) : 0;
}

static int read_whole(int fd, char *data, size_t size, size_t *count)
{
    *count = 0;
    while (*count < size) {
        ssize_t more = read(fd, data + *count, size - *count);
        if (more < 0 && errno != EINTR)
            return -errno;
        if (more == 0)
            return 0;
        *count += more < 0 ? 0 : (size_t)more;
    }
    return 0;
}

/*
 * Opens for reading what FOUND (O_PATH) is, once it is known to be a regular file: a name that is
 * opened twice could be a device the second time. proc(5), /proc/PID/fd.
 */
static int open_found(int found)
{
    char path[sizeof("/proc/self/fd/") + 12];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
    int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int read_content(struct copy_worker *worker, struct copy_entry *entry, int fd)
{
    const struct stat *status = &entry->status;
    bool is_small = status->st_size <= (off_t)COPY_SMALL_BYTES;
    /* st_blocks is 0 where a file system keeps the content in the inode. */
    bool has_hole = status->st_size > 4096 && (off_t)status->st_blocks * 512 < status->st_size;
    if (!is_small || has_hole) {
        entry->fd = fd;
        return 1;
    }
    char *data = worker->content + worker->content_size;
    int result = read_whole(fd, data, (size_t)status->st_size, &entry->size);
    entry->data = data;
    worker->content_size += entry->size;
    return result;
}

static int read_regular(struct copy_worker *worker, struct copy_entry *entry, int found)
{
    cleanup_fd int fd = open_found(found);
    if (fd < 0)
        return fd;
    int result = copy_attributes_read(fd, &entry->attributes);
    if (result < 0)
        return result;
    result = read_content(worker, entry, fd);
    if (result == 1)
        (void)steal_fd(&fd);
    return result < 0 ? result : 0;
}

static int read_link(struct copy_worker *worker, struct copy_entry *entry, int found)
{
    char *text = worker->content + worker->content_size;
    ssize_t length = readlinkat(found, "", text, PATH_MAX);
    if (length < 0 || length == PATH_MAX)
        return length < 0 ? -errno : -ENAMETOOLONG;
    text[length] = '\0';
    entry->data = text;
    worker->content_size += (size_t)length + 1;
    return 0;
}

/* 1 when the entry is another name of a file or link that is copied under its first one. */
static int find_first_name(struct copy_worker *worker, struct copy_directory *directory,
                           const struct copy_entry *entry)
{
    if (entry->status.st_nlink < 2)
        return 0;
    struct copy_run *run = worker->run;
    pthread_mutex_lock(&run->lock);
    int result = copy_links_add(&run->links, directory, entry->name, &entry->status);
    pthread_mutex_unlock(&run->lock);
    return result < 0 ? result : !result;
}

/* 1 when the entry is in the batch now, 0 when there is nothing to write, or -errno. */
static int read_entry(struct copy_worker *worker, struct copy_directory *directory,
                      struct copy_entry *entry)
{
    cleanup_fd int found =
        openat(directory->fds[COPY_SOURCE], entry->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (found < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        atomic_fetch_add(&worker->run->done.missing, 1);
        return 0;
    }
    if (found < 0 || fstat(found, &entry->status) < 0)
        return -errno;
    mode_t mode = entry->status.st_mode;
    if (!S_ISREG(mode) && (directory->top->root.flags & COPY_REGULAR_ONLY) != 0)
        return 0;
    if (S_ISDIR(mode))
        return 1;
    if (!S_ISREG(mode) && !S_ISLNK(mode)) {
        atomic_fetch_add(&worker->run->done.special, 1);
        return 0;
    }
    int result = find_first_name(worker, directory, entry);
    if (result != 0)
        return result < 0 ? result : 0;
    result = S_ISREG(mode) ? read_regular(worker, entry, found) : read_link(worker, entry, found);
    return result < 0 ? result : 1;
}

int copy_read_batch(struct copy_worker *worker, struct copy_directory *directory, struct error *err)
{
    worker->content_size = 0;
    while (worker->count < COPY_BATCH_ENTRIES &&
           worker->content_size + COPY_SMALL_BYTES <= COPY_BATCH_BYTES) {
        const char *name = copy_run_take(worker->run, directory);
        if (name == NULL)
            return 0;
        struct copy_entry *entry = &worker->entries[worker->count];
        *entry = (struct copy_entry){.name = name, .fd = -1};
        int result = read_entry(worker, directory, entry);
        if (result < 0)
            copy_attributes_free(&entry->attributes);
        if (result < 0)
            return fail(-result, "read", directory, name, err);
        worker->count += (size_t)result;
        /* Others may take the large files that follow. */
        if (entry->fd >= 0)
            return 0;
    }
    return 0;
}
