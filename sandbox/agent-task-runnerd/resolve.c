/* Follows the caller's path as the caller would: its root, its directory, its rights. */
#include "sandbox/agent-task-runnerd/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/path_text.h"

#define PAGE 4096u
/* openat2(2) gives up when anything on the machine was renamed while it looked at a "..". */
#define RACES_MAX 16
#define PROCESS_PATH_SIZE 48
#define STATUS_MAX 8192

int resolve_read_memory(pid_t thread, uint64_t address, void *data, size_t size)
{
    struct iovec mine = {.iov_base = data, .iov_len = size};
    struct iovec theirs = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    ssize_t count = process_vm_readv(thread, &mine, 1, &theirs, 1, 0);
    if (count < 0)
        return -errno;
    return (size_t)count == size ? 0 : -EFAULT;
}

int resolve_write_memory(pid_t thread, uint64_t address, const void *data, size_t size)
{
    struct iovec mine = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct iovec theirs = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    ssize_t count = process_vm_writev(thread, &mine, 1, &theirs, 1, 0);
    if (count < 0)
        return -errno;
    return (size_t)count == size ? 0 : -EFAULT;
}

/* Page by page: what follows the string's own page may not be there. */
int resolve_read_string(pid_t thread, uint64_t address, char *text, size_t room)
{
    size_t size = 0;
    while (size < room) {
        size_t part = PAGE - (size_t)((address + size) % PAGE);
        if (part > room - size)
            part = room - size;
        int result = resolve_read_memory(thread, address + size, text + size, part);
        if (result < 0)
            return result;
        if (memchr(text + size, '\0', part) != NULL)
            return 0;
        size += part;
    }
    return -ENAMETOOLONG;
}

/* "/proc/THREAD/NAME", and where it leads. */
static void format_process(char text[PROCESS_PATH_SIZE], pid_t thread, const char *name)
{
    snprintf(text, PROCESS_PATH_SIZE, "/proc/%d/%s", thread, name);
}

static int read_link(pid_t thread, const char *name, char target[PATH_MAX])
{
    char link[PROCESS_PATH_SIZE];
    format_process(link, thread, name);
    ssize_t length = readlink(link, target, PATH_MAX);
    if (length < 0)
        return -errno;
    if (length == PATH_MAX)
        return -ENAMETOOLONG;
    target[length] = '\0';
    return 0;
}

/* The effective uid by its number: the owner of /proc/THREAD is root when it is not dumpable. */
static int read_uid(pid_t thread, uid_t *uid)
{
    char path[PROCESS_PATH_SIZE];
    cleanup_free char *status = NULL;
    size_t size;
    format_process(path, thread, "status");
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = fd_read_all(fd, STATUS_MAX, &status, &size);
    const char *line = result < 0 ? NULL : strstr(status, "\nUid:\t");
    const char *effective = line == NULL ? NULL : strchr(line + strlen("\nUid:\t"), '\t');
    if (effective == NULL)
        return result < 0 ? result : -EPROTO;
    *uid = (uid_t)strtoul(effective, NULL, 10);
    return 0;
}

static int find_uid(pid_t thread, uid_t *uid)
{
    char path[PROCESS_PATH_SIZE];
    struct stat entry;
    format_process(path, thread, "");
    if (stat(path, &entry) < 0)
        return -errno;
    *uid = entry.st_uid;
    return entry.st_uid != 0 ? 0 : read_uid(thread, uid);
}

int resolve_program(pid_t process, struct program *program)
{
    char path[PROCESS_PATH_SIZE];
    struct stat file;
    format_process(path, process, "exe");
    if (stat(path, &file) < 0)
        return -errno;
    *program = (struct program){.device = file.st_dev, .inode = file.st_ino};
    return 0;
}

int resolve_caller(struct call *call, const struct seccomp_notif *notification)
{
    pid_t thread = (pid_t)notification->pid;
    int result = find_uid(thread, &call->uid);
    return result < 0 ? result : resolve_program(thread, &call->from);
}

/* Some of /proc/THREAD is for its owner alone: who that is depends on whether it is dumpable. */
static int open_process(const char *path, int flags, uid_t uid)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd >= 0 || errno != EACCES)
        return fd < 0 ? -errno : fd;
    int result = sys_setfsuid(uid);
    fd = result < 0 ? result : open(path, flags | O_CLOEXEC);
    result = fd < 0 && result == 0 ? -errno : fd;
    if (sys_setfsuid(0) == 0)
        return result;
    cleanup_close(&fd);
    return -EPERM;
}

int resolve_open_process(const char *path, uid_t uid)
{
    return open_process(path, O_RDONLY, uid);
}

static int open_below(int root, const char *path, bool is_link_refused)
{
    const struct open_how how = {
        .flags = O_PATH | O_CLOEXEC | (is_link_refused ? (uint64_t)O_NOFOLLOW : 0),
        .resolve = RESOLVE_IN_ROOT,
    };
    int fd = -EAGAIN;
    for (int i = 0; fd == -EAGAIN && i < RACES_MAX; i++)
        fd = sys_openat2(root, path, &how);
    return fd;
}

/* PATH in the caller's root, with the caller's rights: whoever may not search a directory may not
 * learn here what is in it. */
static int open_in_root(const struct call *call, pid_t thread, const char *path,
                        bool is_link_refused)
{
    char root_path[PROCESS_PATH_SIZE];
    format_process(root_path, thread, "root");
    cleanup_fd int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    int result = sys_setfsuid(call->uid);
    int fd = result < 0 ? result : open_below(root, path, is_link_refused);
    if (sys_setfsuid(0) < 0) {
        cleanup_close(&fd);
        return -EPERM;
    }
    return fd;
}

struct place {
    struct path_text text;
    bool is_link_refused; /* AT_SYMLINK_NOFOLLOW */
    bool may_be_empty;    /* AT_EMPTY_PATH */
    int dirfd;
};

static void read_call(const struct seccomp_notif *notification, struct place *place,
                      uint64_t *address)
{
    const __u64 *arguments = notification->data.args;
    bool is_at = notification->data.nr == SYS_execveat;
    *place = (struct place){.dirfd = is_at ? (int)arguments[0] : AT_FDCWD,
                            .is_link_refused =
                                is_at && (arguments[4] & (uint64_t)AT_SYMLINK_NOFOLLOW) != 0,
                            .may_be_empty = is_at && (arguments[4] & (uint64_t)AT_EMPTY_PATH) != 0};
    *address = is_at ? arguments[1] : arguments[0];
}

/* The directory that the rest of the path is relative to, as text. */
static int name_directory(const struct place *place, pid_t thread, uid_t uid,
                          char directory[PATH_MAX])
{
    char name[16];
    const struct path_text *text = &place->text;
    int number = text->base == PATH_BASE_DESCRIPTOR ? text->descriptor : place->dirfd;
    bool is_working = text->base == PATH_BASE_WORKING ||
                      (text->base == PATH_BASE_DIRECTORY && place->dirfd == AT_FDCWD);
    if (is_working)
        return read_link(thread, "cwd", directory);
    if (text->base == PATH_BASE_PROGRAM)
        return read_link(thread, "exe", directory);
    snprintf(name, sizeof(name), "fd/%d", number);
    int result = read_link(thread, name, directory);
    if (result == -EACCES) {
        result = sys_setfsuid(uid);
        if (result == 0)
            result = read_link(thread, name, directory);
        if (sys_setfsuid(0) < 0)
            return -EPERM;
    }
    return result == -ENOENT ? -EBADF : result;
}

/* A file that is open in the caller, or that it is an image of. */
static int open_itself(const struct call *call, const struct place *place, pid_t thread)
{
    char path[PROCESS_PATH_SIZE];
    char name[16];
    if (place->text.base == PATH_BASE_PROGRAM) {
        format_process(path, thread, "exe");
    } else {
        snprintf(name, sizeof(name), "fd/%d",
                 place->text.base == PATH_BASE_DESCRIPTOR ? place->text.descriptor : place->dirfd);
        format_process(path, thread, name);
    }
    int fd = open_process(path, O_PATH, call->uid);
    return fd == -ENOENT && place->text.base != PATH_BASE_PROGRAM ? -EBADF : fd;
}

static bool is_itself(const struct place *place)
{
    return place->text.rest[0] == '\0' && place->text.base != PATH_BASE_ROOT &&
           place->text.base != PATH_BASE_WORKING &&
           !(place->text.base == PATH_BASE_DIRECTORY && place->dirfd == AT_FDCWD);
}

/* Opens the file and fills call->path. The descriptor or -errno. */
static int open_target(struct call *call, struct place *place, pid_t thread, char *given)
{
    char directory[PATH_MAX];
    bool is_plain = place->text.base == PATH_BASE_ROOT || place->dirfd == AT_FDCWD;
    if (place->text.base == PATH_BASE_ROOT) {
        memcpy(call->path, given, strlen(given) + 1);
        return open_in_root(call, thread, place->text.rest[0] == '\0' ? "/" : place->text.rest,
                            place->is_link_refused);
    }
    int result = name_directory(place, thread, call->uid, directory);
    if (result < 0)
        return result;
    if (is_itself(place)) {
        memcpy(call->path, directory, strlen(directory) + 1);
        return open_itself(call, place, thread);
    }
    result = path_format(call->path, "%s/%s", directory, place->text.rest);
    if (result < 0)
        return result;
    int fd = open_in_root(call, thread, call->path, place->is_link_refused);
    if (place->text.base == PATH_BASE_DIRECTORY && is_plain)
        memcpy(call->path, given, strlen(given) + 1);
    return fd;
}

static struct resolution judge_file(struct call *call, int fd)
{
    struct stat file;
    if (fstat(fd, &file) < 0)
        return (struct resolution){.error = errno};
    if (S_ISLNK(file.st_mode))
        return (struct resolution){.error = ELOOP};
    if (!S_ISREG(file.st_mode) || (file.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
        return (struct resolution){.error = EACCES};
    if (file.st_nlink == 0)
        return (struct resolution){.error = EACCES,
                                   .why = "a file without a name (memfd or deleted)"};
    call->target = (struct program){.device = file.st_dev, .inode = file.st_ino};
    return (struct resolution){.error = 0};
}

static struct resolution judge_failure(int error)
{
    switch (error) {
    case EXDEV:
        return (struct resolution){.error = EACCES, .why = "a path through another process"};
    case EPERM:
    case EAGAIN:
        return (struct resolution){.error = EACCES, .why = "a path that cannot be followed"};
    default:
        return (struct resolution){.error = error};
    }
}

struct resolution resolve_target(struct call *call, const struct seccomp_notif *notification)
{
    char given[PATH_MAX];
    struct place place;
    uint64_t address;
    pid_t thread = (pid_t)notification->pid;
    const uint32_t known = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
    if (notification->data.nr == SYS_execveat &&
        ((uint32_t)notification->data.args[4] & ~known) != 0)
        return (struct resolution){.error = EINVAL};
    read_call(notification, &place, &address);
    int result = resolve_read_string(thread, address, given, sizeof(given));
    if (result < 0)
        return (struct resolution){.error = -result};
    if (given[0] == '\0' && !place.may_be_empty)
        return (struct resolution){.error = ENOENT};
    path_text_parse(given, &place.text);
    cleanup_fd int fd = open_target(call, &place, thread, given);
    return fd < 0 ? judge_failure(-fd) : judge_file(call, fd);
}
