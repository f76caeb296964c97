/* Reads what boot decided about views, and lays the idmapped ones. */
#include "sandbox/confine/views.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/idmapped_view.h"
#include "lib/base/syscalls.h"

#define VIEWS_SIZE_MAX 64
#define SHARED_GROUP_PREFIX "shared-group "
#define GROUP_MAX 0x7fffffff

static const char *const viewed_directories[] = {"/workspace", "/tmp"};

static int parse_group(const char *text, gid_t *group)
{
    char *end = NULL;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value == 0 || value > GROUP_MAX)
        return -EINVAL;
    *group = (gid_t)value;
    return 0;
}

static int parse(char *text, struct views *views)
{
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text, "idmapped") == 0) {
        views->kind = VIEWS_IDMAPPED;
        return 0;
    }
    if (strncmp(text, SHARED_GROUP_PREFIX, sizeof(SHARED_GROUP_PREFIX) - 1) != 0)
        return -EINVAL;
    views->kind = VIEWS_SHARED_GROUP;
    return parse_group(text + sizeof(SHARED_GROUP_PREFIX) - 1, &views->group);
}

int views_read(const char *path, struct views *views, struct error *err)
{
    cleanup_free char *text = NULL;
    struct views found = {.kind = VIEWS_NONE};
    size_t size = 0;
    int result = fd_read_file(AT_FDCWD, path, VIEWS_SIZE_MAX, &text, &size, err);

    if (result < 0 && result != -ENOENT)
        return result;
    if (result == 0 && parse(text, &found) < 0)
        return error_set(err, EINVAL, "%s says neither 'idmapped' nor 'shared-group GID'", path);
    *views = found;
    return 0;
}

int views_lay(const struct user *owner, const struct user *user, struct error *err)
{
    const struct idmapped_view_swap swap = {.first = owner->uid, .second = user->uid};
    const struct mount_attr attributes = {.propagation = MS_PRIVATE};
    int result;

    if (owner->uid != owner->gid || user->uid != user->gid)
        return error_set(err, EINVAL, "an idmapped view needs gids that equal uids");
    if (unshare(CLONE_NEWNS) < 0)
        return error_set(err, errno, "make a mount namespace");
    /* Nothing laid here may travel back to where everybody else looks. */
    result = sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes);
    if (result < 0)
        return error_set(err, -result, "make the mounts private");
    for (size_t i = 0; i < ARRAY_LENGTH(viewed_directories) && result == 0; i++)
        result = idmapped_view_make(viewed_directories[i], &swap, err);
    return result;
}
