/* The confinement of a sandbox, in order. */
#include "sandbox/agent-task-sandbox/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/agent_shared.h"
#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-sandbox/files.h"
#include "sandbox/agent-task-sandbox/masks.h"
#include "sandbox/agent-task-sandbox/nested.h"

/* The commands of a session share the container's memory limit; this only keeps one file from
 * taking all of it. */
#define SHARED_MEMORY_OPTIONS "mode=1777,size=1g"

struct cage {
    const struct settings *settings;
    struct nested *nested;
};

/* Nobody inside may look into this process, whose memory holds what it was told. */
static int hide(struct confine *confine, struct error *err)
{
    (void)confine;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? error_set(err, errno, "become undumpable") : 0;
}

static int mount_proc(struct confine *confine, struct error *err)
{
    const struct cage *cage = confine->program;

    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return error_set(err, errno, "mount a /proc of its own");
    return masks_lay(cage->settings->masks, err);
}

static int mount_terminals(struct confine *confine, struct error *err)
{
    (void)confine;
    if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
              "newinstance,mode=0620,ptmxmode=0666") < 0)
        return error_set(err, errno, "mount terminals of its own");
    return 0;
}

static int mount_shared_memory(struct confine *confine, struct error *err)
{
    (void)confine;
    if (mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, SHARED_MEMORY_OPTIONS) <
        0)
        return error_set(err, errno, "mount shared memory of its own");
    return 0;
}

/* What the agent's program shares with its commands is not theirs to change. */
static int close_shared(struct confine *confine, struct error *err)
{
    const struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    const struct cage *cage = confine->program;

    if (cage->settings->profile->writes_shared || access(AGENT_SHARED_DIRECTORY, F_OK) < 0)
        return 0;
    int result = sys_mount_setattr(AT_FDCWD, AGENT_SHARED_DIRECTORY, 0, &read_only);
    return result < 0 ? error_set(err, -result, "make '%s' read-only", AGENT_SHARED_DIRECTORY) : 0;
}

static int confine_files(struct confine *confine, struct error *err)
{
    (void)confine;
    return files_confine(err);
}

/* Its first part was inherited. */
static int close_filter(struct confine *confine, struct error *err)
{
    struct cage *cage = confine->program;

    return nested_listen(cage->settings->filter, cage->nested, err);
}

/* clang-format off */
static const struct confine_step steps[] = {
    {.name = "hiding",                .run = hide},
    {.name = "the process tree",      .run = mount_proc},
    {.name = "the terminals",         .run = mount_terminals},
    {.name = "the shared memory",     .run = mount_shared_memory},
    {.name = "the shared directories", .run = close_shared},
    {.name = "becoming agentuser",    .run = confine_identity},
    {.name = "no new privileges",     .run = confine_no_new_privileges},
    {.name = "the AppArmor profile",  .run = confine_apparmor},
    {.name = "the files",             .run = confine_files},
    {.name = "the seccomp filter",    .run = close_filter},
    {.name = "the proof",             .run = confine_proof},
};
/* clang-format on */

int cage_close(const struct settings *settings, struct nested *nested, struct error *err)
{
    struct cage cage = {.settings = settings, .nested = nested};
    struct confine confine = settings->confine;
    int result;

    confine.program = &cage;
    result = confine_run(steps, ARRAY_LENGTH(steps), &confine, err);
    if (result == 0 && nested->listener < 0)
        result = error_set(err, EPROTO, "nobody hears of execs");
    return result;
}
