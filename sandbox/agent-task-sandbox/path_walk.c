/* Takes names off a path, and links apart. */
#include "sandbox/agent-task-sandbox/path_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"

/* Distributions' alternatives have two. */
#define LINKS_MAX 8
/* Of what one says. */
#define LINK_SIZE 256

static int go_to_root(struct path_walk *walk)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return -errno;
    cleanup_close(&walk->at);
    walk->at = root;
    return 0;
}

int path_walk_begin(struct path_walk *walk, int base, const char *path)
{
    if (path_format(walk->rest, "%s", path) < 0)
        return -ENAMETOOLONG;
    if (base < 0)
        return go_to_root(walk);
    walk->at = fcntl(base, F_DUPFD_CLOEXEC, 0);
    return walk->at < 0 ? -errno : 0;
}

/* 1, 0 when there is no name, -ENAMETOOLONG for what is none. */
static int take_name(struct path_walk *walk)
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t length = strcspn(start, "/");

    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(walk->name, start, length);
    walk->name[length] = '\0';
    memmove(walk->rest, start + length, strlen(start + length) + 1);
    return length > 0;
}

static int follow(struct path_walk *walk)
{
    char target[LINK_SIZE];
    ssize_t length = readlinkat(walk->at, walk->name, target, sizeof(target));
    size_t rest = strlen(walk->rest) + 1;

    if (length <= 0)
        return length < 0 ? -errno : -ENOENT;
    if (length == sizeof(target) || (size_t)length + rest > sizeof(walk->rest))
        return -ENAMETOOLONG;
    if (++walk->links > LINKS_MAX)
        return -ELOOP;
    memmove(walk->rest + length, walk->rest, rest);
    memcpy(walk->rest, target, (size_t)length);
    return target[0] != '/' ? 0 : go_to_root(walk);
}

int path_walk_step(struct path_walk *walk)
{
    struct stat status;
    int result = take_name(walk);

    while (result > 0 && strcmp(walk->name, ".") == 0)
        result = take_name(walk);
    if (result <= 0)
        return result;
    cleanup_fd int next = openat(walk->at, walk->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 || fstat(next, &status) < 0)
        return -errno;
    if (S_ISLNK(status.st_mode)) {
        result = follow(walk);
        return result < 0 ? result : 1;
    }
    cleanup_close(&walk->at);
    walk->at = steal_fd(&next);
    return 1;
}

void path_walk_end(struct path_walk *walk)
{
    cleanup_close(&walk->at);
}
