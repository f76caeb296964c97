/* The confinement of a sandbox, in order. */
#include "sandbox/agent-task-sandbox/cage.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/masks.h"
#include "sandbox/agent-task-sandbox/nested.h"
#include "sandbox/confine/landlock.h"

#define READ_RIGHTS (LANDLOCK_READ | LANDLOCK_EXECUTE)
#define OWN_RIGHTS (READ_RIGHTS | LANDLOCK_WRITE | LANDLOCK_CHANGE)

/* The commands of a session share the container's memory limit; this only keeps one file from
 * taking all of it. */
#define SHARED_MEMORY_OPTIONS "mode=1777,size=1g"

struct cage {
    const struct settings *settings;
    struct nested *nested;
};

/* clang-format off */
static const struct landlock_rule rules[] = {
    {.path = "/",                    .access = READ_RIGHTS},
    {.path = PLACE_WORKSPACE,        .access = OWN_RIGHTS},
    {.path = PLACE_HOME,             .access = OWN_RIGHTS},
    {.path = PLACE_TEMPORARY,        .access = OWN_RIGHTS},
    {.path = PLACE_LOCAL_REPOSITORY, .access = OWN_RIGHTS, .is_optional = true},
    {.path = "/dev",                 .access = LANDLOCK_WRITE | LANDLOCK_DEVICE},
    {.path = "/dev/shm",             .access = OWN_RIGHTS},
    {.path = "/proc",                .access = LANDLOCK_WRITE},
};
/* clang-format on */

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

static int confine_files(struct confine *confine, struct error *err)
{
    (void)confine;
    return landlock_confine(rules, ARRAY_LENGTH(rules), err);
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
