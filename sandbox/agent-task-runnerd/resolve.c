/* Follows the caller's path as the caller would: its root, its directory, its rights. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
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
    char base[PATH_BASE_SIZE]; /* the link below /proc/THREAD that the path is relative to */
};

static struct program identify(const struct stat *file)
{
    const struct timespec *changed = &file->st_ctim;
    return (struct program){
        .device = file->st_dev,
        .inode = file->st_ino,
        .changed_ns = changed->tv_sec * (int64_t)CLOCK_NANOSECONDS_PER_SECOND + changed->tv_nsec,
    };
}

struct program program_of_process(pid_t process)
{
    struct stat file = {.st_ino = 0};
    (void)other_process_program(process, &file);
    return identify(&file);
}

struct program program_at(const char *path)
{
    struct stat file = {.st_ino = 0};
    (void)stat(path, &file);
    return identify(&file);
}

bool program_is_same(const struct program *one, const struct program *other)
{
    return one->inode != 0 && one->inode == other->inode && one->device == other->device &&
           one->changed_ns == other->changed_ns;
}

/* Where the base leads, as the kernel writes it: 0; or without TARGET what it is: a descriptor. */
static int look(const struct place *place, char *target)
{
    return target != NULL ? other_process_link(place->thread, place->base, target)
                          : other_process_open(place->thread, place->base, O_PATH);
}

/* What belongs to one that is not dumpable is root's. */
static int look_at_base(const struct place *place, char *target)
{
    cleanup_fd int fd = -1;
    int result = look(place, target);
    if (result != -EACCES || sys_setfsuid(0) < 0)
        return result;
    result = look(place, target);
    if (target == NULL)
        fd = result;
    if (sys_setfsuid(place->call->uid) < 0)
        return -EPERM;
    return target == NULL ? steal_fd(&fd) : result;
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

/* Opens the file and fills call->path. The descriptor or -errno. */
static int open_target(struct place *place)
{
    char directory[PATH_MAX];
    char *path = place->call->path;
    if (place->text.base == PATH_BASE_ROOT) {
        (void)path_format(path, "/%s", place->text.rest);
        return open_in_root(place, path);
    }
    path_text_base(&place->text, place->dirfd, place->base);
    int result = look_at_base(place, directory);
    if (result < 0)
        return result == -ENOENT && place->base[0] == 'f' ? -EBADF : result;
    if (place->text.rest[0] == '\0') {
        memcpy(path, directory, sizeof(directory));
        return look_at_base(place, NULL);
    }
    result = path_format(path, "%s/%s", directory, place->text.rest);
    int fd = result < 0 ? result : open_in_root(place, path);
    if (place->text.base == PATH_BASE_DIRECTORY && place->dirfd == AT_FDCWD)
        memcpy(path, place->given, sizeof(place->given));
    return fd;
}

static int judge_file(struct call *call, int fd, const char **why)
{
    struct stat file;
    if (fstat(fd, &file) < 0)
        return errno;
    call->target = identify(&file);
    if (S_ISLNK(file.st_mode))
        return ELOOP;
    if (!S_ISREG(file.st_mode) || (file.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
        return EACCES;
    if (file.st_nlink != 0)
        return 0;
    *why = "a file without a name (memfd or deleted)";
    return EACCES;
}

static int judge_failure(int error, const char **why)
{
    if (error == EXDEV)
        *why = "a path through another process";
    else if (error == EPERM || error == EAGAIN)
        *why = "a path that cannot be followed";
    return *why != NULL ? EACCES : error;
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

int resolve(struct call *call, const struct seccomp_notif *notification, const char **why)
{
    static struct place place;
    pid_t thread = (pid_t)notification->pid;
    place = (struct place){.call = call, .text = {.rest = ""}};
    call->from = program_of_process(thread);
    int result = other_process_uid(thread, &call->uid);
    if (result == 0)
        result = read_call(&place, notification);
    if (result < 0)
        return -result;
    /* Who may not search a directory may not learn here what is in it. */
    result = sys_setfsuid(call->uid);
    cleanup_fd int fd = result < 0 ? result : open_target(&place);
    if (sys_setfsuid(0) < 0)
        return judge_failure(EPERM, why);
    return fd < 0 ? judge_failure(-fd, why) : judge_file(call, fd, why);
}
