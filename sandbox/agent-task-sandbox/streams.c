/* Judges the descriptors of a caller by what they are, and opens files anew where that is needed.
 */
#include "sandbox/agent-task-sandbox/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

/* linux/magic.h of Linux 6.9. */
#define PIDFD_MAGIC 0x50494446

#define DESCRIPTOR_PATH_SIZE 32
/* What a file that is opened anew takes over from the caller's descriptor. */
#define KEPT_FLAGS (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_SYNC)

/* Their files are the kernel itself: processes, namespaces, settings. */
static const long kernel_file_systems[] = {
    PROC_SUPER_MAGIC,   SYSFS_MAGIC,   NSFS_MAGIC,          PIDFD_MAGIC,
    CGROUP_SUPER_MAGIC, DEBUGFS_MAGIC, CGROUP2_SUPER_MAGIC, TRACEFS_MAGIC,
    SECURITYFS_MAGIC,   BPF_FS_MAGIC,  ANON_INODE_FS_MAGIC, DEVPTS_SUPER_MAGIC,
};

/* Character devices that give and take nothing: null, zero, full, random, urandom. */
static const unsigned int harmless_minors[] = {3, 5, 7, 8, 9};
#define MEMORY_MAJOR 1

static void describe(char text[DESCRIPTOR_PATH_SIZE], int fd)
{
    snprintf(text, DESCRIPTOR_PATH_SIZE, "/proc/self/fd/%d", fd);
}

static bool is_kernel_file(int fd)
{
    struct statfs status;

    if (fstatfs(fd, &status) < 0)
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(kernel_file_systems); i++) {
        if ((long)status.f_type == kernel_file_systems[i])
            return true;
    }
    return false;
}

static bool is_harmless_device(dev_t device)
{
    for (size_t i = 0; i < ARRAY_LENGTH(harmless_minors); i++) {
        if (device == makedev(MEMORY_MAJOR, harmless_minors[i]))
            return true;
    }
    return false;
}

typedef int name_of_socket(int fd, struct sockaddr *address, socklen_t *size);

static bool has_no_name(int fd, name_of_socket *ask)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(address);

    return ask(fd, (struct sockaddr *)&address, &size) == 0 && address.sun_family == AF_UNIX &&
           size == sizeof(address.sun_family);
}

/* A pair that somebody made for this; a connection to a service has a name at one end. */
static bool is_unnamed_pair(int fd)
{
    return has_no_name(fd, getsockname) && has_no_name(fd, getpeername);
}

/* NULL, or why STREAM cannot be handed over. */
static const char *refuse(struct stream *stream, const struct stat *status, int flags)
{
    if ((flags & O_PATH) != 0)
        return "only names a file";
    switch (status->st_mode & S_IFMT) {
    case S_IFREG:
        return is_kernel_file(stream->fd) ? "is a file of the kernel's" : NULL;
    case S_IFIFO:
        return NULL;
    case S_IFCHR:
        stream->is_terminal = isatty(stream->fd) == 1;
        return stream->is_terminal || is_harmless_device(status->st_rdev) ? NULL : "is a device";
    case S_IFSOCK:
        return is_unnamed_pair(stream->fd) ? NULL : "is a connection to a service";
    case S_IFDIR:
        return "is a directory";
    default:
        return "is neither a file, a pipe nor a terminal";
    }
}

/* True when /dev/stdout and the like will work with FD as it is. */
static bool can_open_again(int fd, int flags)
{
    char path[DESCRIPTOR_PATH_SIZE];
    int again;

    describe(path, fd);
    again = open(path, (flags & O_ACCMODE) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (again < 0)
        return false;
    close(again);
    return true;
}

/* The file of FD under the path it has in the caller's view; -1 when it is another one here. */
static int open_here(int fd, const struct stat *status, int flags)
{
    const struct open_how how = {
        .flags = (uint64_t)(flags & KEPT_FLAGS) | O_CLOEXEC | O_NOCTTY,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    char descriptor[DESCRIPTOR_PATH_SIZE];
    char seen[PATH_MAX];
    struct stat found;
    cleanup_fd int opened = -1;
    ssize_t length;

    describe(descriptor, fd);
    length = readlink(descriptor, seen, sizeof(seen) - 1);
    if (length <= 0 || seen[0] != '/')
        return -1;
    seen[length] = '\0';
    opened = sys_openat2(AT_FDCWD, seen, &how);
    if (opened < 0 || fstat(opened, &found) < 0 || found.st_dev != status->st_dev ||
        found.st_ino != status->st_ino)
        return -1;
    return steal_fd(&opened);
}

/* An earlier stream that was opened anew and is, as far as can be told, the same description. */
static int find_shared(const struct streams *streams, size_t count, size_t number)
{
    const struct stream *stream = &streams->items[number];
    struct stat status;
    struct stat other;

    for (size_t i = 0; i < count; i++) {
        const struct stream *earlier = &streams->items[i];

        if (earlier->original >= 0 && fstat(stream->fd, &status) == 0 &&
            fstat(earlier->original, &other) == 0 && status.st_dev == other.st_dev &&
            status.st_ino == other.st_ino &&
            fcntl(stream->fd, F_GETFL) == fcntl(earlier->original, F_GETFL) &&
            lseek(stream->fd, 0, SEEK_CUR) == lseek(earlier->original, 0, SEEK_CUR))
            return earlier->fd;
    }
    return -1;
}

static void replace_file(struct streams *streams, size_t number, const struct stat *status)
{
    struct stream *stream = &streams->items[number];
    int flags = fcntl(stream->fd, F_GETFL);
    int shared = find_shared(streams, number, number);
    int opened;

    if (can_open_again(stream->fd, flags))
        return;
    opened = shared >= 0 ? fcntl(shared, F_DUPFD_CLOEXEC, STREAM_COUNT)
                         : open_here(stream->fd, status, flags);
    if (opened < 0)
        return;
    if (shared < 0)
        lseek(opened, lseek(stream->fd, 0, SEEK_CUR), SEEK_SET);
    stream->original = stream->fd;
    stream->fd = opened;
}

int streams_adopt(struct streams *streams, struct error *err)
{
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        struct stream *stream = &streams->items[i];
        const char *why;
        struct stat status;

        if (stream->fd < 0)
            continue;
        if (fstat(stream->fd, &status) < 0)
            return error_set(err, errno, "look at descriptor %zu", i);
        why = refuse(stream, &status, fcntl(stream->fd, F_GETFL));
        if (why != NULL)
            return error_set(err, EINVAL,
                             "descriptor %zu %s, which cannot be handed to a command in a sandbox",
                             i, why);
        if (S_ISREG(status.st_mode))
            replace_file(streams, i, &status);
    }
    return 0;
}

bool streams_have_terminal(const struct streams *streams)
{
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        if (streams->items[i].is_terminal)
            return true;
    }
    return false;
}

void streams_return_offsets(const struct streams *streams)
{
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        const struct stream *stream = &streams->items[i];

        if (stream->original >= 0 && (fcntl(stream->fd, F_GETFL) & O_APPEND) == 0)
            lseek(stream->original, lseek(stream->fd, 0, SEEK_CUR), SEEK_SET);
    }
}

void streams_let_go(struct streams *streams)
{
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        struct stream *stream = &streams->items[i];

        if (stream->original < 0)
            cleanup_close(&stream->fd);
    }
}
