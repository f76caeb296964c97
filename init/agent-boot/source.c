/* Finds the source below its hidden places, and takes it away again. */
#include "init/agent-boot/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "init/agent-boot/copy_identity.h"
#include "init/agent-boot/places.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/limits.h"

/* clang-format off */
static const struct { const char *named; const char *lies; } places[] = {
    { .named = MANIFEST_SOURCE_DIRECTORY,            .lies = PLACE_SOURCE_REPOSITORY },
    { .named = MANIFEST_SOURCE_GIT_DIRECTORY,        .lies = PLACE_SOURCE_GIT },
    { .named = MANIFEST_SOURCE_ALTERNATES_DIRECTORY, .lies = PLACE_SOURCE_ALTERNATES },
};
/* clang-format on */

struct copy_identity source_reader(const struct boot_context *context)
{
    const struct manifest *manifest = context->manifest;
    return (struct copy_identity){
        .uid = manifest->read_uid,
        .gid = manifest->read_gid,
        .groups = manifest->read_groups,
        .group_count = manifest->read_group_count,
    };
}

struct copy_identity source_writer(const struct boot_context *context)
{
    return (struct copy_identity){.uid = context->agentuser.uid, .gid = context->agentuser.gid};
}

static int open_below(const struct boot_context *context, const char *root, const char *path)
{
    cleanup_fd int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return -errno;
    struct copy_identity reader = source_reader(context);
    struct copy_identity self = {.uid = 0};
    int fd = copy_identity_assume(&reader);
    if (fd == 0)
        fd = path_open_beneath(root_fd, path, O_PATH | O_DIRECTORY, 0);
    int back = copy_identity_assume(&self);
    if (back < 0 && fd >= 0)
        cleanup_close(&fd);
    return back < 0 ? back : fd;
}

/* The engine's mapping of users may have no number for the one who started the session. */
static int refuse_source(const char *path, uid_t uid, int number, struct error *err)
{
    if (uid != MANIFEST_OVERFLOW_ID || number != EACCES)
        return error_set(err, number, "open '%s' as user %u", path, uid);
    return error_set(err, number,
                     "open '%s' as nobody, which is who you are to an engine with userns-remap: "
                     "give others the right to read it (chmod -R o+rX)",
                     path);
}

int source_open(const struct boot_context *context, const char *container_path, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        size_t length = strlen(places[i].named);
        if (strncmp(container_path, places[i].named, length) != 0)
            continue;
        const char *rest = container_path + length;
        if (*rest != '/' && *rest != '\0')
            continue;
        int fd = open_below(context, places[i].lies, *rest == '\0' ? "." : rest + 1);
        if (fd < 0)
            return refuse_source(container_path, context->manifest->read_uid, -fd, err);
        return fd;
    }
    return error_set(err, EPROTO, "'%s' is not a place for a source", container_path);
}

/* What is not mounted need not be unmounted: EINVAL and ENOENT, umount(2). */
static int detach(const char *path, struct error *err)
{
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        return error_set(err, errno, "detach '%s'", path);
    return 0;
}

int source_detach(struct error *err)
{
    int result = detach(MANIFEST_HOST_DIRECTORY, err);
    for (int i = 0; result == 0 && i < LIMIT_ALTERNATES; i++) {
        char path[PATH_MAX];
        if (path_format(path, PLACE_SOURCE_ALTERNATES "/%d", i) < 0)
            return error_set(err, ENAMETOOLONG, "detach alternate %d", i);
        result = detach(path, err);
    }
    if (result == 0)
        result = detach(PLACE_SOURCE_GIT, err);
    return result < 0 ? result : detach(PLACE_SOURCE_REPOSITORY, err);
}
