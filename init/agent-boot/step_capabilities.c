/* The capabilities step: the sealed capability is copied from what the host staged, which is
 * detached soon after, to where only the identity that redeems it can read it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/copy_identity.h"
#include "init/agent-boot/login.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#define STAGED MANIFEST_HOST_DIRECTORY "/" REDEEM_STAGED

static int make_directory(const char *path, mode_t mode, struct error *err)
{
    return mkdir(path, mode) < 0 && errno != EEXIST
               ? error_set(err, errno, "make directory '%s'", path)
               : 0;
}

/* The owner comes last: root has no power over the files of others. */
static int keep(const struct boot_context *context, const struct boot_login *login,
                const char *sealed, size_t size, struct error *err)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    int result = login_cap_root(login, directory, err);
    if (result == 0 && path_format(path, "%s/%s.cap", directory, context->manifest->session) < 0)
        result = error_set(err, ENAMETOOLONG, "the capability");
    if (result == 0)
        result = make_directory(REDEEM_CAPABILITIES_DIRECTORY, 0711, err);
    if (result == 0)
        result = make_directory(directory, 0700, err);
    if (result == 0)
        result = fd_write_file(AT_FDCWD, path, sealed, size, 0600, err);
    if (result < 0)
        return result;
    if (chown(path, login->identity.uid, login->identity.gid) < 0 ||
        chown(directory, login->identity.uid, login->identity.gid) < 0)
        return error_set(err, errno, "give '%s' to %s", directory, login->identity.name);
    return 0;
}

static int take(struct boot_context *context, struct boot_login *login, struct error *err)
{
    char path[PATH_MAX];
    cleanup_free char *sealed = NULL;
    size_t size = 0;
    int result = stub_table_find(STUB_TABLE_FILE, context->manifest->agent, &login->stub, err);
    if (result < 0)
        return result;
    if (path_format(path, STAGED "/%s.cap", login->stub.name) < 0)
        return error_set(err, ENAMETOOLONG, "the staged capability");
    result = fd_read_file(AT_FDCWD, path, CAPABILITY_SEALED_SIZE, &sealed, &size, err);
    if (result < 0)
        return result;
    if (size != CAPABILITY_SEALED_SIZE)
        return error_set(err, EPROTO, "'%s' is no sealed capability", path);
    result = users_find(USERS_FILE, login->stub.identity, &login->identity, err);
    if (result == -ENOENT)
        return -EPROTO;
    return result < 0 ? result : keep(context, login, sealed, size, err);
}

int capabilities_take(struct boot_context *context, struct error *err)
{
    if (context->manifest == NULL) {
        boot_set_detail(context, "no session");
        return BOOT_SKIPPED;
    }
    context->login = calloc(1, sizeof(*context->login));
    if (context->login == NULL)
        return error_set(err, ENOMEM, "take the capabilities");
    context->login->broker_fd = -1;
    int result = take(context, context->login, err);
    if (result == 0) {
        boot_set_detail(context, "%s", context->login->stub.name);
        return 0;
    }
    login_forget(context);
    if (result != -ENOENT)
        return result;
    boot_set_detail(context, "none was issued");
    return BOOT_SKIPPED;
}

/* Whoever owns a directory there removes what is in it. */
static int empty(int parent, const char *name, struct error *err)
{
    char path[PATH_MAX];
    struct stat status;
    struct copy_identity self = {.uid = 0};
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        path_format(path, REDEEM_CAPABILITIES_DIRECTORY "/%s", name) < 0)
        return error_set(err, errno, "look at the capability '%s'", name);
    struct copy_identity owner = {.uid = status.st_uid, .gid = status.st_gid};
    int result = copy_identity_assume(&owner);
    result = result < 0 ? error_set(err, -result, "act as user %u", status.st_uid)
                        : path_remove_contents(path, err);
    int back = copy_identity_assume(&self);
    if (back < 0)
        return error_set(err, -back, "become root again");
    if (result == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
        result = error_set(err, errno, "remove '%s'", path);
    return result;
}

int capabilities_wipe(struct boot_context *context, struct error *err)
{
    login_forget(context);
    if (context->manifest_sha256 == NULL)
        return BOOT_SKIPPED;
    cleanup_directory DIR *directory = opendir(REDEEM_CAPABILITIES_DIRECTORY);
    if (directory == NULL)
        return errno == ENOENT ? BOOT_SKIPPED
                               : error_set(err, errno, "open '" REDEEM_CAPABILITIES_DIRECTORY "'");
    int result = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int outcome = empty(dirfd(directory), entry->d_name, err);
        result = result < 0 ? result : outcome;
    }
    if (result == 0)
        boot_set_detail(context, "wiped");
    return result;
}
