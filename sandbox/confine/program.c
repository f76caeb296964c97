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
static int try_file(const char *path, void *context)
{
    const bool *is_relayed = context;
    struct stat status;

    if (stat(path, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EACCES;
    if (*is_relayed)
        return (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0 ? 0 : -EACCES;
    return access(path, X_OK) < 0 ? -errno : 0;
}

static int search(const char *name, const char *path, program_attempt *attempt, void *context)
{
    char candidate[PATH_MAX];
    int remembered = -ENOENT;

    while (path != NULL) {
        size_t length = strcspn(path, ":");
        int result =
            path_format(candidate, "%.*s%s%s", (int)length, path, length > 0 ? "/" : "", name);

        if (result == 0)
            result = attempt(candidate, context);
        if (result == 0)
            return 0;
        if (result == -EACCES)
            remembered = result;
        path = path[length] == ':' ? path + length + 1 : NULL;
    }
    return remembered;
}

int program_search(const char *name, const char *path, program_attempt *attempt, void *context)
{
    if (name[0] == '\0')
        return -ENOENT;
    if (strchr(name, '/') != NULL)
        return attempt(name, context);
    return search(name, path, attempt, context);
}

int program_find(const char *name, const char *path, bool is_relayed, struct error *err)
{
    int result = program_search(name, path, try_file, &is_relayed);

    if (result == 0)
        return 0;
    error_set(err, 0, "'%s' %s", name,
              result == -ENOENT || result == -ENOTDIR ? "was not found" : "cannot be executed");
    return result;
}
