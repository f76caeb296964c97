/* The steps of confinement that all programs share. */
#include "sandbox/confine/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/capability.h"
#include "lib/base/fd.h"
#include "lib/base/seccomp_filter.h"
#include "sandbox/confine/apparmor.h"

#define FIRST_EXTRA_FD 3
#define UMASK_OWN 0022
/* Where both identities write as one group, what one makes the other must be able to change. */
#define UMASK_SHARED 0002

int confine_run(const struct confine_step *steps, size_t count, struct confine *confine,
                struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        int result = steps[i].run(confine, err);

        if (result < 0) {
            error_prefix(err, "%s", steps[i].name);
            return result;
        }
    }
    return 0;
}

int confine_descriptors(struct confine *confine, struct error *err)
{
    int result = fd_ensure_standard();

    if (result == 0)
        result = fd_close_on_exec_from(FIRST_EXTRA_FD, confine->kept, confine->kept_count);
    return result < 0 ? error_set(err, -result, "mark descriptors") : 0;
}

int confine_limits(struct confine *confine, struct error *err)
{
    struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};

    (void)confine;
    return setrlimit(RLIMIT_CORE, &none) < 0 ? error_set(err, errno, "forbid core files") : 0;
}

int confine_views(struct confine *confine, struct error *err)
{
    int result = views_read(VIEWS_FILE, &confine->views, err);

    if (result < 0)
        return result;
    umask(confine->views.kind == VIEWS_SHARED_GROUP ? UMASK_SHARED : UMASK_OWN);
    return 0;
}

int confine_identity(struct confine *confine, struct error *err)
{
    size_t count = confine->views.kind == VIEWS_SHARED_GROUP ? 1 : 0;
    /* libcap-ng reads /proc for the bounding set, and asks once for each capability. */
    capng_flags_t bounding = confine->has_no_bounding ? CAPNG_NO_FLAG : CAPNG_CLEAR_BOUNDING;
    int result;

    if (setgroups(count, &confine->views.group) < 0)
        return error_set(err, errno, "set the groups");
    capng_clear(CAPNG_SELECT_ALL);
    errno = 0;
    result = capng_change_id((int)confine->user.uid, (int)confine->user.gid,
                             bounding | CAPNG_CLEAR_AMBIENT);
    if (result < 0)
        return error_set(err, errno != 0 ? errno : EPERM, "become '%s' (libcap-ng says %d)",
                         confine->user.name, result);
    return 0;
}

int confine_no_new_privileges(struct confine *confine, struct error *err)
{
    (void)confine;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(err, errno, "set no_new_privs");
    return 0;
}

int confine_apparmor(struct confine *confine, struct error *err)
{
    return confine->profile == NULL ? 0 : apparmor_stack(confine->profile, err);
}

int confine_filter(struct confine *confine, struct error *err)
{
    return seccomp_filter_load(confine->filter, err);
}

static bool has_identity(const struct confine *confine)
{
    uid_t uids[3];
    gid_t gids[3];
    gid_t group = 0;
    int expected = confine->views.kind == VIEWS_SHARED_GROUP ? 1 : 0;

    if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]) < 0)
        return false;
    for (int i = 0; i < 3; i++) {
        if (uids[i] != confine->user.uid || gids[i] != confine->user.gid)
            return false;
    }
    return getgroups(1, &group) == expected && (expected == 0 || group == confine->views.group);
}

/* What is ambient is permitted and inheritable as well: capabilities(7). */
static bool has_capability(const struct confine *confine)
{
    struct capability_sets sets;

    return capability_get(&sets) < 0 || (sets.effective | sets.permitted | sets.inheritable) != 0 ||
           (!confine->has_no_bounding && capability_has_bounding());
}

int confine_proof(struct confine *confine, struct error *err)
{
    if (!has_identity(confine))
        return error_set(err, EPROTO, "the process is not '%s' in every respect",
                         confine->user.name);
    if (has_capability(confine))
        return error_set(err, EPROTO, "a capability is left");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return error_set(err, EPROTO, "no_new_privs is not set");
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2)
        return error_set(err, EPROTO, "no seccomp filter is in force");
    return 0;
}
