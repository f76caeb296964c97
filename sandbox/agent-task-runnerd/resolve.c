/* Follows the caller's path as the caller would: its root, its directory, its rights. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/base/cleanup.h"
#include "lib/base/other_process.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/path_text.h"

/* openat2(2) gives up when anything on the machine was renamed while it looked at a "..". */
#define RACES_MAX 16
#define KNOWN_FLAGS ((uint32_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))

/* The call, as far as it names a file. */
struct place {
    struct call *call;
    pid_t thread;
    int dirfd;
    uint32_t flags;
    char given[PATH_MAX];
    struct path_text text;
    char itself[16]; /* the link below /proc/THREAD that is meant; "" when a path is */
};

int resolve_program(pid_t process, struct program *program)
{
    struct stat file;
    int result = other_process_program(process, &file);
    if (result == 0)
        *program = (struct program){.device = file.st_dev, .inode = file.st_ino};
    return result;
}

/* What belongs to one that is not dumpable is root's. */
static int read_link(const struct place *place, const char *name, char target[PATH_MAX])
{
    int result = other_process_link(place->thread, name, target);
    if (result == -EACCES && sys_setfsuid(0) == 0) {
        result = other_process_link(place->thread, name, target);
        if (sys_setfsuid(place->call->uid) < 0)
            return -EPERM;
    }
    return result;
}

static int open_itself(const struct place *place)
{
    int fd = other_process_open(place->thread, place->itself, O_PATH);
    if (fd == -EACCES && sys_setfsuid(0) == 0) {
        fd = other_process_open(place->thread, place->itself, O_PATH);
        if (sys_setfsuid(place->call->uid) < 0)
            cleanup_close(&fd);
    }
    return fd;
}

static int open_in_root(const struct place *place, const char *path)
{
    bool is_link_refused = (place->flags & AT_SYMLINK_NOFOLLOW) != 0;
    const struct open_how how = {
        .flags = O_PATH | O_CLOEXEC | (is_link_refused ? (uint64_t)O_NOFOLLOW : 0),
        .resolve = RESOLVE_IN_ROOT,
    };
    cleanup_fd int root = other_process_open(place->thread, "root", O_PATH | O_DIRECTORY);
    int fd = root < 0 ? root : -EAGAIN;
    for (int i = 0; fd == -EAGAIN && i < RACES_MAX; i++)
        fd = sys_openat2(root, path, &how);
    return fd;
}

/* What the path is relative to: a link below /proc/THREAD. */
static void name_base(struct place *place, char name[16])
{
    enum path_base base = place->text.base;
    if (base == PATH_BASE_PROGRAM)
        snprintf(name, 16, "exe");
    else if (base == PATH_BASE_DESCRIPTOR)
        snprintf(name, 16, "fd/%d", place->text.descriptor);
    else if (base == PATH_BASE_WORKING || place->dirfd == AT_FDCWD)
        snprintf(name, 16, "cwd");
    else
        snprintf(name, 16, "fd/%d", place->dirfd);
}

/* Opens the file and fills call->path. The descriptor or -errno. */
static int open_target(struct place *place)
{
    char base[16];
    char directory[PATH_MAX];
    char *path = place->call->path;
    if (place->text.base == PATH_BASE_ROOT) {
        (void)path_format(path, "/%s", place->text.rest);
        return open_in_root(place, path);
    }
    name_base(place, base);
    int result = read_link(place, base, directory);
    if (result < 0)
        return result == -ENOENT && base[0] == 'f' ? -EBADF : result;
    if (place->text.rest[0] == '\0') {
        memcpy(place->itself, base, sizeof(place->itself));
        memcpy(path, directory, sizeof(directory));
        return open_itself(place);
    }
    result = path_format(path, "%s/%s", directory, place->text.rest);
    int fd = result < 0 ? result : open_in_root(place, path);
    if (place->text.base == PATH_BASE_DIRECTORY && place->dirfd == AT_FDCWD)
        memcpy(path, place->given, sizeof(place->given));
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
    if (error == EXDEV)
        return (struct resolution){.error = EACCES, .why = "a path through another process"};
    if (error == EPERM || error == EAGAIN)
        return (struct resolution){.error = EACCES, .why = "a path that cannot be followed"};
    return (struct resolution){.error = error};
}

static int read_call(struct place *place, const struct seccomp_notif *notification)
{
    const __u64 *arguments = notification->data.args;
    bool is_at = notification->data.nr == SYS_execveat;
    place->thread = (pid_t)notification->pid;
    place->dirfd = is_at ? (int)arguments[0] : AT_FDCWD;
    place->flags = is_at ? (uint32_t)arguments[4] : 0;
    if ((place->flags & ~KNOWN_FLAGS) != 0)
        return -EINVAL;
    int result = other_process_read_string(place->thread, arguments[is_at ? 1 : 0], place->given,
                                           sizeof(place->given));
    if (result < 0)
        return result;
    path_text_parse(place->given, &place->text);
    return place->given[0] == '\0' && (place->flags & AT_EMPTY_PATH) == 0 ? -ENOENT : 0;
}

struct resolution resolve(struct call *call, const struct seccomp_notif *notification)
{
    static struct place place;
    pid_t thread = (pid_t)notification->pid;
    place = (struct place){.call = call, .text = {.rest = ""}};
    int result = other_process_uid(thread, &call->uid);
    if (result == 0)
        result = resolve_program(thread, &call->from);
    if (result == 0)
        result = read_call(&place, notification);
    if (result < 0)
        return (struct resolution){.error = -result};
    /* Who may not search a directory may not learn here what is in it. */
    result = sys_setfsuid(call->uid);
    cleanup_fd int fd = result < 0 ? result : open_target(&place);
    if (sys_setfsuid(0) < 0)
        return judge_failure(EPERM);
    return fd < 0 ? judge_failure(-fd) : judge_file(call, fd);
}
