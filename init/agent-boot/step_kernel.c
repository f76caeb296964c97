/* The kernel step: every requirement as a row, tried for real, refused by name. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/kernel_probes.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"

/* Who insists on a requirement: every container, or only one that the launcher started. */
enum requirement { REQUIRED_ALWAYS, REQUIRED_IN_SESSION, ADVISED };

struct kernel_requirement {
    const char *name;
    enum requirement requirement;
    boot_step_function *probe;
    const char *remedy;
};

/* clang-format off */
static const struct kernel_requirement requirements[] = {
    {
        .name = "kernel-version",
        .requirement = REQUIRED_ALWAYS,
        .probe = probe_kernel_version,
        .remedy = "run on Linux 6.1 or newer",
    },
    {
        .name = "identity",
        .requirement = REQUIRED_ALWAYS,
        .probe = probe_identity,
        .remedy = "start the container as root, with SETUID, SETGID and SETPCAP: the command becomes agentuser",
    },
    {
        .name = "pid-1",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_pid_one,
        .remedy = "start the image with its own entry point, without --init and without --pid",
    },
    {
        .name = "close-range",
        .requirement = REQUIRED_ALWAYS,
        .probe = probe_close_range,
        .remedy = "use the shipped seccomp profile",
    },
    {
        .name = "pidfd",
        .requirement = REQUIRED_ALWAYS,
        .probe = probe_pidfd,
        .remedy = "use the shipped seccomp profile, and Docker Engine 20.10 or newer",
    },
    {
        .name = "no-new-privileges",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_no_new_privs,
        .remedy = "add --security-opt no-new-privileges:true",
    },
    {
        .name = "seccomp",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_seccomp_mode,
        .remedy = "add --security-opt seccomp=PROFILE with the shipped profile",
    },
    {
        .name = "capabilities",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_capabilities,
        .remedy = "start with --cap-drop=ALL and exactly the capabilities of docs/capabilities.md",
    },
    {
        .name = "read-only-root",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_read_only_root,
        .remedy = "add --read-only",
    },
    {
        .name = "masked-proc",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_masked_proc,
        .remedy = "remove --privileged and systempaths=unconfined",
    },
    {
        .name = "fresh-proc",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_fresh_proc,
        .remedy = "use an engine of this machine itself: one in a container has a /proc with parts that nobody may uncover",
    },
    {
        .name = "landlock",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_landlock,
        .remedy = "boot the host with landlock in the lsm= list, on Linux 6.1 or newer",
    },
    {
        .name = "seccomp-user-notify",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_user_notify,
        .remedy = "remove other seccomp listeners above this container, on Linux 5.19 or newer",
    },
    {
        .name = "ptrace",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_ptrace,
        .remedy = "use the shipped seccomp profile; set kernel.yama.ptrace_scope to 0 or 1",
    },
    {
        .name = "apparmor",
        .requirement = REQUIRED_IN_SESSION,
        .probe = probe_apparmor,
        .remedy = "load the profiles of policies/apparmor on the host, add --security-opt apparmor=coding-agents",
    },
    {
        .name = "idmapped-mounts",
        .requirement = ADVISED,
        .probe = probe_idmapped_mounts,
        .remedy = "keep volumes on ext4, xfs or btrfs, without userns-remap; else a shared group is used",
    },
    {
        .name = "host-socket",
        .requirement = ADVISED,
        .probe = probe_host_socket,
        .remedy = "start sessions with --broker sidecar: others here get no login, and keep no log",
    },
};
/* clang-format on */

static bool is_required(const struct boot_context *context,
                        const struct kernel_requirement *requirement)
{
    if (requirement->requirement == REQUIRED_ALWAYS)
        return true;
    bool is_session = context->manifest_sha256 != NULL || context->mode == BOOT_MODE_CHECK;
    return is_session && requirement->requirement == REQUIRED_IN_SESSION;
}

int kernel_check(struct boot_context *context, struct error *err)
{
    char version[BOOT_DETAIL_SIZE] = "";
    for (size_t i = 0; i < ARRAY_LENGTH(requirements); i++) {
        struct error cause = ERROR_INITIALIZER;
        context->detail[0] = '\0';
        int result = requirements[i].probe(context, &cause);
        if (result < 0 && is_required(context, &requirements[i]))
            return error_set(err, EPROTO, "%s: %s; %s", requirements[i].name, error_text(&cause),
                             requirements[i].remedy);
        if (i == 0)
            snprintf(version, sizeof(version), "%s", context->detail);
    }
    boot_set_detail(context, "%.200s", version);
    return 0;
}

static void print_check(const struct boot_context *context,
                        const struct kernel_requirement *requirement, int result,
                        const struct error *cause)
{
    const char *state = result == 0 ? "ok" : result > 0 ? "untried" : "fails";
    const char *text = result < 0 ? error_text(cause) : context->detail;
    printf("%-20s %-8s %s\n", requirement->name, state, text);
    if (result < 0)
        printf("%-20s %-8s remedy: %s\n", "", "", requirement->remedy);
}

static json_t *render_check(const struct boot_context *context,
                            const struct kernel_requirement *requirement, int result,
                            const struct error *cause)
{
    return json_pack("{s:s, s:b, s:b, s:s, s:s}", "name", requirement->name, "ok", result >= 0,
                     "required", is_required(context, requirement), "detail",
                     result < 0 ? error_text(cause) : context->detail, "remedy",
                     requirement->remedy);
}

int kernel_report(struct boot_context *context)
{
    int exit_code = 0;
    json_t *checks = json_array();
    for (size_t i = 0; i < ARRAY_LENGTH(requirements); i++) {
        struct error cause = ERROR_INITIALIZER;
        context->detail[0] = '\0';
        int result = requirements[i].probe(context, &cause);
        if (result < 0 && is_required(context, &requirements[i]))
            exit_code = EXIT_BOOT_KERNEL;
        if (context->is_json)
            json_array_append_new(checks, render_check(context, &requirements[i], result, &cause));
        else
            print_check(context, &requirements[i], result, &cause);
    }
    if (context->is_json) {
        json_t *document = json_pack("{s:O}", "checks", checks);
        json_dumpf(document, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(document);
    }
    json_decref(checks);
    return exit_code;
}
