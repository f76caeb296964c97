/* Resolves the working directory and the program of a request. */
#include "sandbox/agent-task-sandbox/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "lib/wire/task_file.h"
#include "sandbox/agent-task-sandbox/fixed.h"
#include "sandbox/confine/environment.h"
#include "sandbox/confine/program.h"

/* Where FD lies in our root. */
static int read_path(int fd, char text[PATH_MAX])
{
    char descriptor[32];
    ssize_t length;

    snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", fd);
    length = readlink(descriptor, text, PATH_MAX - 1);
    if (length < 0)
        return -errno;
    text[length] = '\0';
    return 0;
}

/* True when FOUND is what GIVEN is, or lies on the root's own file system, which no file of anybody
 * is on. */
static bool is_same_directory(int found, int given)
{
    struct stat here;
    struct stat there;
    struct stat root;

    if (fstat(found, &here) < 0 || fstat(given, &there) < 0 || stat("/", &root) < 0)
        return false;
    return (here.st_dev == there.st_dev && here.st_ino == there.st_ino) ||
           here.st_dev == root.st_dev;
}

int target_find_directory(struct target *target, const char *path, int given, struct error *err)
{
    const struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int fd = sys_openat2(root, path, &how);
    int result;

    if (path[0] == '\0')
        return error_set(err, EINVAL, "the working directory was removed");
    if (fd < 0)
        return error_set(err, -fd, "the working directory '%s' cannot be entered in the sandbox",
                         path);
    if (!is_same_directory(fd, given))
        return error_set(err, EINVAL,
                         "the working directory '%s' is another one inside the sandbox", path);
    result = read_path(fd, target->directory);
    if (result < 0)
        return error_set(err, -result, "find the working directory '%s'", path);
    target->directory_fd = steal_fd(&fd);
    return 0;
}

/* program_attempt: what execve(2) would take. */
static int attempt(const char *path, void *context)
{
    /* /proc/self/exe and the like would be this process's own. */
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    struct target *target = context;
    struct stat status;
    cleanup_fd int fd = sys_openat2(target->directory_fd, path, &how);

    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EACCES;
    if (faccessat(fd, "", X_OK, AT_EMPTY_PATH) < 0)
        return -errno;
    if (task_file_identify(fd, &target->file) < 0)
        return -errno;
    target->is_fixed = fixed_is_file(fd);
    target->program_fd = steal_fd(&fd);
    return path_format(target->called, "%s", path);
}

int target_find_program(struct target *target, const char *name, const char *path,
                        struct error *err)
{
    int result = path == NULL ? (name[0] == '\0' ? -ENOENT : attempt(name, target))
                              : program_search(name, path, attempt, target);

    if (result == 0)
        result = read_path(target->program_fd, target->program);
    if (result == 0)
        return 0;
    return error_set(err, -result, "cannot run '%s'", name);
}

int target_digest(const struct target *target, uint8_t digest[TASK_DIGEST_SIZE])
{
    return task_file_digest(target->program_fd, TARGET_DIGEST_MAX, digest);
}
