/* Looks a program up before anything is started for it. */
#include "sandbox/confine/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/path.h"

int program_exit_code(int number)
{
    return number == ENOENT || number == ENOTDIR ? PROGRAM_NOT_FOUND : PROGRAM_NOT_EXECUTABLE;
}

/* 0, or the -errno with which execve would refuse. */
static int try_file(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EACCES;
    return access(path, X_OK) < 0 ? -errno : 0;
}

/* EACCES somewhere on the way is remembered: a file that is there tells more than its absence
 * elsewhere. */
static int search(const char *name, const char *path)
{
    char candidate[PATH_MAX];
    int remembered = -ENOENT;

    while (path != NULL) {
        size_t length = strcspn(path, ":");
        int result =
            path_format(candidate, "%.*s%s%s", (int)length, path, length > 0 ? "/" : "", name);

        if (result == 0)
            result = try_file(candidate);
        if (result == 0)
            return 0;
        if (result == -EACCES)
            remembered = result;
        path = path[length] == ':' ? path + length + 1 : NULL;
    }
    return remembered;
}

int program_find(const char *name, const char *path, struct error *err)
{
    int result;

    if (name[0] == '\0')
        result = -ENOENT;
    else if (strchr(name, '/') != NULL)
        result = try_file(name);
    else
        result = search(name, path);
    if (result == 0)
        return 0;
    error_set(err, 0, "'%s' %s", name,
              result == -ENOENT || result == -ENOTDIR ? "was not found" : "cannot be executed");
    return result;
}
