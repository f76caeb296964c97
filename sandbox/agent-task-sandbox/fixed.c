/* Walks a path as the kernel does, and looks at each directory who could lead it elsewhere. */
#include "sandbox/agent-task-sandbox/fixed.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "sandbox/agent-task-sandbox/target.h"

/* Distributions' alternatives have two. */
#define LINKS_MAX 8
/* Of what one says. */
#define LINK_SIZE 256

struct walk {
    int at; /* owned; what was reached */
    int links;
    char rest[PATH_MAX]; /* still to go */
};

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

static bool begin(struct walk *walk)
{
    cleanup_close(&walk->at);
    walk->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return walk->at >= 0 && fixed_is_file(walk->at);
}

/* Cuts the next name off what is left. False when there is none, or when it is none. */
static bool take_name(struct walk *walk, char name[NAME_MAX + 1])
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t length = strcspn(start, "/");

    if (length == 0 || length > NAME_MAX)
        return false;
    memcpy(name, start, length);
    name[length] = '\0';
    memmove(walk->rest, start + length, strlen(start + length) + 1);
    return true;
}

/* NAME is a link, in a directory that only root changes: goes on where it leads. */
static bool follow(struct walk *walk, const char *name)
{
    char target[LINK_SIZE];
    ssize_t length = readlinkat(walk->at, name, target, sizeof(target));
    size_t rest = strlen(walk->rest) + 1;

    if (length <= 0 || length == sizeof(target) || (size_t)length + rest > sizeof(walk->rest) ||
        ++walk->links > LINKS_MAX)
        return false;
    memmove(walk->rest + length, walk->rest, rest);
    memcpy(walk->rest, target, (size_t)length);
    return target[0] != '/' || begin(walk);
}

static bool step(struct walk *walk, const char *name)
{
    struct stat status;
    int next = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (next < 0)
        return false;
    if (fstat(next, &status) == 0 && S_ISLNK(status.st_mode)) {
        close(next);
        return follow(walk, name);
    }
    close(walk->at);
    walk->at = next;
    return fixed_is_file(next);
}

bool fixed_is_path(const char *path, const struct task_file *file)
{
    struct walk walk = {.at = -1};
    struct task_file found;
    char name[NAME_MAX + 1];
    bool is_fixed = path[0] == '/' && path_format(walk.rest, "%s", path) == 0 && begin(&walk);

    while (is_fixed && take_name(&walk, name)) {
        if (strcmp(name, ".") != 0)
            is_fixed = strcmp(name, "..") != 0 && step(&walk, name);
    }
    /* Before its end it is a directory, and not the file. */
    is_fixed = is_fixed && target_identify(walk.at, &found) == 0 &&
               memcmp(&found, file, sizeof(found)) == 0;
    cleanup_close(&walk.at);
    return is_fixed;
}
