/* Paths that stay where they are meant to stay. */
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

int path_format(char text[PATH_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, PATH_MAX, format, arguments);
    va_end(arguments);
    return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int path_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (unsigned int)flags | O_CLOEXEC,
        .mode = (flags & O_CREAT) != 0 ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return sys_openat2(dirfd, path, &how);
}

int path_open_parent(int dirfd, const char *path)
{
    char name[NAME_MAX + 1];
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -errno : 0;
    for (const char *slash; result == 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        size_t length = (size_t)(slash - path);
        cleanup_fd int upper = steal_fd(&fd);
        if (length >= sizeof(name))
            return -ENAMETOOLONG;
        memcpy(name, path, length);
        name[length] = '\0';
        if (mkdirat(upper, name, 0700) < 0 && errno != EEXIST)
            return -errno;
        fd = path_open_beneath(upper, name, O_RDONLY | O_DIRECTORY, 0);
        result = fd < 0 ? fd : 0;
    }
    return result < 0 ? result : fd;
}

int path_make_directories(const char *path, mode_t mode, struct error *err)
{
    char prefix[PATH_MAX];
    if (path_format(prefix, "%s", path) < 0)
        return error_set(err, ENAMETOOLONG, "make directory '%s'", path);
    for (char *at = prefix + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char saved = *at;
        *at = '\0';
        /* EROFS and EACCES come before EEXIST for an existing directory on some file systems. */
        if (mkdir(prefix, mode) < 0 && errno != EEXIST) {
            int number = errno;
            struct stat status;
            if (stat(prefix, &status) < 0 || !S_ISDIR(status.st_mode))
                return error_set(err, number, "make directory '%s'", prefix);
        }
        if (saved == '\0')
            return 0;
        *at = saved;
    }
}

/* What has to be removed may not be in our way by its mode, when it is ours. */
static void open_up(int fd)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && (status.st_mode & S_IRWXU) != S_IRWXU)
        (void)fchmod(fd, S_IRWXU); /* not the owner: the removal says so */
}

/* Likewise for one that can not be opened: chmod(2) by way of a descriptor that only names it. */
static int open_for_removal(int at, const char *name)
{
    const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(at, name, O_RDONLY | flags);
    if (fd >= 0 || errno != EACCES)
        return fd;
    cleanup_fd int found = openat(at, name, O_PATH | flags);
    char path[sizeof("/proc/self/fd/") + 12];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
    if (found < 0 || chmod(path, S_IRWXU) < 0)
        return -1;
    return openat(at, name, O_RDONLY | flags);
}

/* NULL at the end with errno 0, or with what kept it from being reached. */
static const struct dirent *next_entry(DIR *directory)
{
    errno = 0;
    return readdir(directory);
}

/*
 * Depth is not bounded by the stack: each round descends to the deepest first entry and removes
 * what it can, moving one directory up by ".." of a descriptor that was opened without following
 * links.
 */
static int remove_entries(int fd, char subdirectory[NAME_MAX + 1], struct error *err)
{
    subdirectory[0] = '\0';
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    cleanup_directory DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    if (directory == NULL)
        return error_set(err, errno, "open directory for removal");
    rewinddir(directory);
    open_up(fd);
    const struct dirent *entry;
    while ((entry = next_entry(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, entry->d_name, 0) == 0)
            continue;
        if (errno != EISDIR && errno != EPERM)
            return error_set(err, errno, "remove '%s'", entry->d_name);
        if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0)
            continue;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return error_set(err, errno, "remove directory '%s'", entry->d_name);
        snprintf(subdirectory, NAME_MAX + 1, "%s", entry->d_name);
        return 0;
    }
    return errno == 0 ? 0 : error_set(err, errno, "list directory for removal");
}

static int remove_below(int fd, struct error *err)
{
    cleanup_fd int at = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    unsigned int depth = 0;
    for (;;) {
        char subdirectory[NAME_MAX + 1];
        int result = remove_entries(at, subdirectory, err);
        if (result < 0)
            return result;
        if (subdirectory[0] == '\0' && depth == 0)
            return 0;
        const char *next = subdirectory[0] == '\0' ? ".." : subdirectory;
        depth = subdirectory[0] == '\0' ? depth - 1 : depth + 1;
        int moved = open_for_removal(at, next);
        if (moved < 0)
            return error_set(err, errno, "open directory '%s'", next);
        close(at);
        at = moved;
    }
}

int path_remove_tree(int dirfd, const char *path, struct error *err)
{
    if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
        return 0;
    cleanup_fd int fd = open_for_removal(dirfd, path);
    if (fd < 0)
        return error_set(err, errno, "remove '%s'", path);
    int result = remove_below(fd, err);
    if (result < 0)
        return error_prefix(err, "remove '%s'", path);
    if (unlinkat(dirfd, path, AT_REMOVEDIR) < 0)
        return error_set(err, errno, "remove '%s'", path);
    return 0;
}

int path_remove_contents(const char *path, struct error *err)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : error_set(err, errno, "empty '%s'", path);
    int result = path_empty(fd, err);
    return result < 0 ? error_prefix(err, "empty '%s'", path) : 0;
}

int path_empty(int directory, struct error *err)
{
    return remove_below(directory, err);
}

int path_of_program(char text[PATH_MAX], struct error *err)
{
    ssize_t length = readlink("/proc/self/exe", text, PATH_MAX - 1);
    if (length < 0)
        return error_set(err, errno, "read '/proc/self/exe'");
    text[length] = '\0';
    char *slash = strrchr(text, '/');
    if (slash == NULL || slash == text)
        return error_set(err, EINVAL, "the running program has no directory: '%s'", text);
    *slash = '\0';
    return 0;
}

static bool is_plain_component(const char *text, size_t length)
{
    if (length == 0 || length > NAME_MAX)
        return false;
    return !(length == 1 && text[0] == '.') && !(length == 2 && text[0] == '.' && text[1] == '.');
}

bool path_is_plain_relative(const char *path)
{
    for (;;) {
        size_t length = strcspn(path, "/");
        if (!is_plain_component(path, length))
            return false;
        if (path[length] == '\0')
            return true;
        path += length + 1;
    }
}
