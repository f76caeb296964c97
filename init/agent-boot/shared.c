/* Makes the directories that an agent's program shares with its commands. */
#include "init/agent-boot/shared.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/copy_identity.h"
#include "lib/base/agent_shared.h"
#include "lib/base/path.h"

/* A snapshot of a shell is some kilobytes. */
#define MOUNT_OPTIONS "mode=0755,size=16m"
/* agentcli's, who takes away what it does not need any more; written by agentuser's group, in the
 * sandboxes that may. */
#define MODE 0770

static int mount_all(struct error *err)
{
    if (mkdir(AGENT_SHARED_DIRECTORY, 0755) < 0 && errno != EEXIST)
        return error_set(err, errno, "make '%s'", AGENT_SHARED_DIRECTORY);
    if (mount("tmpfs", AGENT_SHARED_DIRECTORY, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              MOUNT_OPTIONS) < 0)
        return error_set(err, errno, "mount tmpfs at '%s'", AGENT_SHARED_DIRECTORY);
    return 0;
}

static int make_directory(const struct agent_shared *shared, void *data, struct error *err)
{
    const struct boot_context *context = data;
    if (strcmp(shared->agent, context->manifest->agent) != 0)
        return 0;
    if (mkdir(shared->directory, MODE) < 0 || chmod(shared->directory, MODE) < 0 ||
        chown(shared->directory, context->agentcli.uid, context->agentuser.gid) < 0)
        return error_set(err, errno, "make '%s'", shared->directory);
    return 0;
}

static int make_link(const struct agent_shared *shared, void *data, struct error *err)
{
    const struct boot_context *context = data;
    char path[PATH_MAX];
    char parent[PATH_MAX];
    if (strcmp(shared->agent, context->manifest->agent) != 0)
        return 0;
    int result = path_format(path, "%s/%s", context->agentcli.home, shared->place);
    if (result == 0)
        result = path_format(parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (result < 0)
        return error_set(err, -result, "'%s'", shared->place);
    result = path_make_directories(parent, 0700, err);
    if (result == 0 && symlink(shared->directory, path) < 0)
        result = error_set(err, errno, "make the link '%s'", path);
    return result;
}

/* As the home's owner: root has no power over the files of others. */
static int make_links(const struct boot_context *context, struct error *err)
{
    struct copy_identity owner = {.uid = context->agentcli.uid, .gid = context->agentcli.gid};
    struct copy_identity self = {.uid = 0};
    int result = copy_identity_assume(&owner);
    if (result < 0)
        error_set(err, -result, "act as %s", context->agentcli.name);
    else
        result = agent_shared_read(AGENT_SHARED_FILE, make_link, (void *)(uintptr_t)context, err);
    int back = copy_identity_assume(&self);
    return back < 0 ? error_set(err, -back, "become root again") : result;
}

int shared_make(const struct boot_context *context, struct error *err)
{
    int result = mount_all(err);
    if (result == 0)
        result =
            agent_shared_read(AGENT_SHARED_FILE, make_directory, (void *)(uintptr_t)context, err);
    return result == 0 ? make_links(context, err) : result;
}
