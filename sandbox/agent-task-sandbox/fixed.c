/* Walks a path as the kernel does, and looks at each directory who could lead it elsewhere. */
#include "sandbox/agent-task-sandbox/fixed.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/wire/task_file.h"
#include "sandbox/agent-task-sandbox/path_walk.h"

static bool is_read_only(int fd)
{
    struct statvfs mount;

    return fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

bool fixed_is_file(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && status.st_uid == 0 &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && is_read_only(fd);
}

bool fixed_is_path(const char *path, const struct task_file *file)
{
    struct path_walk walk = PATH_WALK_NONE;
    struct task_file found;
    bool is_fixed = path[0] == '/' && path_walk_begin(&walk, -1, path) == 0;
    int result = 1;

    /* Each place, the root included, before anything in it is looked up. */
    while (is_fixed && result > 0) {
        is_fixed = fixed_is_file(walk.at);
        result = is_fixed ? path_walk_step(&walk) : 0;
        is_fixed = is_fixed && result >= 0 && (result == 0 || strcmp(walk.name, "..") != 0);
    }
    /* Before its end it is a directory, and not the file. */
    is_fixed = is_fixed && task_file_identify(walk.at, &found) == 0 &&
               memcmp(&found, file, sizeof(found)) == 0;
    path_walk_end(&walk);
    return is_fixed;
}
