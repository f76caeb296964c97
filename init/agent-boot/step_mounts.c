/* The mounts step: the session's tree out of one volume, and everything of the host moved out of
 * sight. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/copy_attributes.h"
#include "init/agent-boot/places.h"
#include "init/agent-boot/shared_group.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/idmapped_view.h"
#include "lib/base/path.h"
#include "lib/wire/limits.h"
#include "lib/wire/services.h"

/* A subtree of the volume: made on the first start, owned by agentuser, bound to its place. */
struct subtree {
    const char *name;
    const char *target;
    mode_t mode;
};

/* clang-format off */
static const struct subtree subtrees[] = {
    { .name = "workspace", .target = PLACE_WORKSPACE,       .mode = 0755 },
    { .name = "home",      .target = "/home/agentuser",     .mode = 0700 },
    { .name = "local.git", .target = BOOT_LOCAL_REPOSITORY, .mode = 0755 },
    /* Last: the sources are moved away from below /tmp before it is covered. */
    { .name = "tmp",       .target = "/tmp",                .mode = 01777 },
};

/* What the engine mounted of the host, and where only root finds it afterwards. */
static const struct { const char *from; const char *to; } moves[] = {
    { .from = MANIFEST_SOCKET_DIRECTORY,     .to = PLACE_SOCKETS },
    { .from = MANIFEST_SOURCE_DIRECTORY,     .to = PLACE_SOURCE_REPOSITORY },
    { .from = MANIFEST_SOURCE_GIT_DIRECTORY, .to = PLACE_SOURCE_GIT },
};
/* clang-format on */

/* True when something is mounted at PATH itself: statx(2), STATX_ATTR_MOUNT_ROOT, Linux 5.8. */
static bool is_mount_point(const char *path)
{
    struct statx status;
    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int move_mount_to(const char *from, const char *to, struct error *err)
{
    if (!is_mount_point(from))
        return 0;
    /* Searchable for the reader of the source, below a directory that only root can enter. */
    int result = path_make_directories(to, 0755, err);
    if (result < 0)
        return result;
    if (mount(from, to, NULL, MS_MOVE, NULL) < 0)
        return error_set(err, errno, "move the mount '%s'", from);
    return 0;
}

static int move_alternates(struct error *err)
{
    for (int i = 0; i < LIMIT_ALTERNATES; i++) {
        char from[PATH_MAX];
        char to[PATH_MAX];
        if (path_format(from, MANIFEST_SOURCE_ALTERNATES_DIRECTORY "/%d", i) < 0 ||
            path_format(to, PLACE_SOURCE_ALTERNATES "/%d", i) < 0)
            return error_set(err, ENAMETOOLONG, "alternate %d", i);
        if (!is_mount_point(from))
            return 0;
        int result = move_mount_to(from, to, err);
        if (result < 0)
            return result;
    }
    return 0;
}

static int hide_host_mounts(struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(moves); i++) {
        int result = move_mount_to(moves[i].from, moves[i].to, err);
        if (result < 0)
            return result;
    }
    return move_alternates(err);
}

/* chmod comes before chown: root is no longer the owner afterwards, and has no FOWNER. A default
 * ACL of the volume would be on everything that is ever made in PATH. */
static int make_owned_directory(const char *path, mode_t mode, uid_t uid, gid_t gid,
                                struct error *err)
{
    if (mkdir(path, 0700) < 0)
        return errno == EEXIST ? 0 : error_set(err, errno, "make directory '%s'", path);
    cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = fd < 0 ? -errno : copy_attributes_drop_acls(fd, true);
    if (result < 0)
        return error_set(err, -result, "take the ACLs from '%s'", path);
    if (chmod(path, mode) < 0 || chown(path, uid, gid) < 0)
        return error_set(err, errno, "give '%s' to %u:%u", path, uid, gid);
    return 0;
}

/* The volume's root belongs to root and to the group with which git-upload-pack reaches the
 * repository. */
static int prepare_volume(const struct boot_context *context, struct error *err)
{
    if (!is_mount_point(MANIFEST_VOLUME))
        return error_set(err, EPROTO,
                         "no volume is mounted at %s; start sessions with `coding-agents run`",
                         MANIFEST_VOLUME);
    if (chmod(MANIFEST_VOLUME, 0710) < 0 || chown(MANIFEST_VOLUME, 0, context->agentfetch.gid) < 0)
        return error_set(err, errno, "own '%s'", MANIFEST_VOLUME);
    return 0;
}

/* mount(2), MS_REMOUNT with MS_BIND: replaces the flags, so those that are there are kept. */
static int add_flags(const char *path, unsigned long flags, struct error *err)
{
    const unsigned long kept = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    struct statvfs status;
    if (statvfs(path, &status) < 0)
        return error_set(err, errno, "look at the mount '%s'", path);
    /* ST_RDONLY to ST_NOEXEC of statvfs(3) are the same bits. */
    if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | (status.f_flag & kept) | flags, NULL) < 0)
        return error_set(err, errno, "set mount flags of '%s'", path);
    return 0;
}

static int bind_subtree(const struct boot_context *context, const struct subtree *subtree,
                        struct error *err)
{
    char source[PATH_MAX];
    if (path_format(source, MANIFEST_VOLUME "/%s", subtree->name) < 0)
        return error_set(err, ENAMETOOLONG, "volume subtree '%s'", subtree->name);
    int result = make_owned_directory(source, subtree->mode, context->agentuser.uid,
                                      context->agentuser.gid, err);
    if (result < 0)
        return result;
    if (mount(source, subtree->target, NULL, MS_BIND, NULL) < 0)
        return error_set(err, errno, "bind '%s' to '%s'", source, subtree->target);
    return add_flags(subtree->target, MS_NOSUID | MS_NODEV, err);
}

static int mount_agentcli_home(const struct boot_context *context, struct error *err)
{
    char options[128];
    snprintf(options, sizeof(options), "mode=0700,uid=%u,gid=%u,size=256m", context->agentcli.uid,
             context->agentcli.gid);
    if (mount("tmpfs", context->agentcli.home, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) <
        0)
        return error_set(err, errno, "mount tmpfs at '%s'", context->agentcli.home);
    return 0;
}

/* Tried on the very directory that the view will cover; agentcli-exec reads the outcome. */
static int choose_view(struct boot_context *context, struct error *err)
{
    struct error cause = ERROR_INITIALIZER;
    struct idmapped_view_swap swap = {.first = context->agentuser.uid,
                                      .second = context->agentcli.uid};
    char text[64];
    int result = idmapped_view_probe(PLACE_WORKSPACE, &swap, &cause);
    context->is_idmapped = result == 0;
    if (context->is_idmapped) {
        snprintf(text, sizeof(text), "idmapped\n");
    } else {
        boot_add_weaker(context, "no idmapped view, so the workspace is shared by group (%.150s)",
                        error_text(&cause));
        snprintf(text, sizeof(text), "shared-group %u\n", context->agentuser.gid);
        result = shared_group_prepare(context, err);
        if (result < 0)
            return result;
    }
    boot_set_detail(context, "%s view", context->is_idmapped ? "idmapped" : "shared-group");
    return fd_write_file(AT_FDCWD, BOOT_VIEWS_FILE, text, strlen(text), 0644, err);
}

/* Commands reach these sockets; the ones beside them stay out of sight. */
static int show_services(struct error *err)
{
    static const char hidden[] = PLACE_SOCKETS "/" SERVICES_NAME;
    if (access(hidden, F_OK) < 0)
        return errno == ENOENT ? 0 : error_set(err, errno, "look at '%s'", hidden);
    int result = path_make_directories(SERVICES_DIRECTORY, 0755, err);
    if (result < 0)
        return result;
    if (mount(hidden, SERVICES_DIRECTORY, NULL, MS_BIND, NULL) < 0)
        return error_set(err, errno, "bind '%s' to '%s'", hidden, SERVICES_DIRECTORY);
    return add_flags(SERVICES_DIRECTORY, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, err);
}

int mounts_make(struct boot_context *context, struct error *err)
{
    if (context->manifest == NULL) {
        boot_set_detail(context, "no session");
        return BOOT_SKIPPED;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_set(err, errno, "make the mounts private");
    int result = hide_host_mounts(err);
    if (result == 0)
        result = show_services(err);
    if (result == 0)
        result = prepare_volume(context, err);
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(subtrees); i++)
        result = bind_subtree(context, &subtrees[i], err);
    if (result == 0)
        result = mount_agentcli_home(context, err);
    if (result == 0)
        result = choose_view(context, err);
    context->is_mounted = result == 0;
    return result;
}

/* The namespace takes the mounts with it; what matters is that the work is on the disk. */
int mounts_sync(struct boot_context *context, struct error *err)
{
    if (context->manifest == NULL)
        return BOOT_SKIPPED;
    cleanup_fd int fd = open(MANIFEST_VOLUME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, errno, "open '%s'", MANIFEST_VOLUME);
    if (syncfs(fd) < 0)
        return error_set(err, errno, "sync the volume");
    boot_set_detail(context, "the volume is on disk");
    return 0;
}
