/* The one `docker run` of a sidecar. */
#include <errno.h>

#include "host-shim/sidecar/sidecar.h"
#include "lib/base/cleanup.h"
#include "lib/host/install_paths.h"
#include "lib/host/run_plan.h"
#include "lib/wire/manifest.h"

#define SECCOMP_PROFILE "policies/seccomp/agent.json"

static void add_all(struct string_list *list, const char *const *arguments)
{
    for (size_t i = 0; arguments[i] != NULL; i++)
        string_list_add(list, arguments[i]);
}

/* Nothing of a session's but the identity that makes sockets: uid 0, with no capability. */
static void add_confinement(struct string_list *list)
{
    /* clang-format off */
    static const char *const confined[] = {
        "docker", "run", "--rm", "--interactive", "--pull", "never",
        "--network", "none", "--log-driver", "none", "--user", "0:0", "--workdir", "/",
        "--read-only", "--cap-drop=ALL", "--security-opt", "no-new-privileges:true",
        "--ipc", "none", "--cgroupns", "private", "--ulimit", "core=0",
        "--pids-limit", "8", "--memory", "256m", "--memory-swap", "256m", NULL,
    };
    /* clang-format on */
    add_all(list, confined);
}

static void add_names(const struct sidecar *sidecar, struct string_list *list)
{
    const char *session = sidecar->child.session;
    /* The engine makes the volume with the container, so it is never there without. */
    string_list_add(list, "--mount");
    if (sidecar->is_check) {
        string_list_add(list, "type=volume,target=" MANIFEST_SOCKET_DIRECTORY ",volume-nocopy");
        return;
    }
    string_list_format(list,
                       "type=volume,source=coding-agents-%s" RELAY_VOLUME_SUFFIX
                       ",target=" MANIFEST_SOCKET_DIRECTORY
                       ",volume-nocopy,volume-label=" RELAY_LABEL "=%s",
                       session, session);
    string_list_add(list, "--name");
    string_list_format(list, "coding-agents-%s" RELAY_CONTAINER_SUFFIX, session);
    string_list_add(list, "--label");
    string_list_format(list, RELAY_LABEL "=%s", session);
}

int plan_arguments(const struct sidecar *sidecar, bool has_apparmor, struct string_list *list,
                   struct error *err)
{
    char seccomp[PATH_MAX];
    int result = install_path_share(SECCOMP_PROFILE, seccomp, err);
    if (result < 0)
        return result;
    add_confinement(list);
    string_list_add(list, "--security-opt");
    string_list_format(list, "seccomp=%s", seccomp);
    if (has_apparmor) {
        string_list_add(list, "--security-opt");
        string_list_add(list, "apparmor=coding-agents");
    }
    add_names(sidecar, list);
    run_plan_add_no_proxies(list);
    string_list_add(list, "--entrypoint");
    string_list_add(list, RELAY_PROGRAM);
    string_list_add(list, sidecar->image);
    for (size_t i = 0; i < sidecar->serve_count; i++)
        string_list_add(list, relay_services[sidecar->serves[i]].name);
    return list->has_failed ? error_set(err, ENOMEM, "assemble a docker command") : 0;
}
