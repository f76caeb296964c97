/* The boot table: what a container goes through before an agent lives in it. */
#include "init/agent-boot/boot.h"
#include "lib/base/capability.h"
#include "lib/base/exit_codes.h"

#define SYS_ADMIN CAPABILITY_BIT(CAP_SYS_ADMIN)
#define CHOWN CAPABILITY_BIT(CAP_CHOWN)
#define KILL CAPABILITY_BIT(CAP_KILL)
#define SETUID CAPABILITY_BIT(CAP_SETUID)
#define SETGID CAPABILITY_BIT(CAP_SETGID)
#define SETPCAP CAPABILITY_BIT(CAP_SETPCAP)
#define SECONDS 1000
#define MINUTES (60 * SECONDS)

/* clang-format off */
const struct boot_step boot_steps[] = {
    {
        .name = "kernel",
        .purpose = "what this kernel and engine really give",
        .capabilities = SYS_ADMIN | SETUID | SETGID,
        .deadline_ms = 10 * SECONDS,
        .exit_code = EXIT_BOOT_KERNEL,
        .up = kernel_check,
    },
    {
        .name = "manifest",
        .purpose = "read, verify the digest, parse; hello to the keeper",
        .capabilities = 0,
        .deadline_ms = 30 * SECONDS,
        .exit_code = EXIT_BOOT_MANIFEST,
        .up = manifest_read,
    },
    {
        .name = "mounts",
        .purpose = "private propagation, the session's tree, the view of the other identity",
        .capabilities = SYS_ADMIN | CHOWN | SETUID | SETGID,
        .deadline_ms = 30 * SECONDS,
        .down_deadline_ms = 5 * SECONDS,
        .exit_code = EXIT_BOOT_MOUNTS,
        .is_optional = true,
        .up = mounts_make,
        .down = mounts_sync,
    },
    {
        .name = "workspace",
        .purpose = "copy the repository, read with its owner's eyes, owned by agentuser",
        .capabilities = SYS_ADMIN | SETUID | SETGID,
        .deadline_ms = 60 * MINUTES,
        .exit_code = EXIT_BOOT_WORKSPACE,
        .up = workspace_copy,
    },
    {
        .name = "git",
        .purpose = "remotes, branch, identity; at shutdown commit and push to the volume",
        /* What commits is agentuser's: without KILL it would outlive its deadline. */
        .capabilities = SYS_ADMIN | SETUID | SETGID | SETPCAP | KILL,
        .deadline_ms = 5 * MINUTES,
        .down_deadline_ms = 10 * MINUTES,
        .exit_code = EXIT_BOOT_GIT,
        .up = git_set_up,
        .down = git_save_work,
    },
    {
        .name = "data",
        .purpose = "directories for secrets and agent data, in memory; wiped at shutdown",
        .capabilities = SYS_ADMIN | CHOWN | SETUID | SETGID,
        .deadline_ms = 10 * SECONDS,
        .down_deadline_ms = 5 * SECONDS,
        .exit_code = EXIT_BOOT_DATA,
        .is_optional = true,
        .wipes = true,
        .up = data_make_directories,
        .down = data_wipe,
    },
    {
        .name = "runner",
        .purpose = "the exec policy, read once before the task runner and its sandboxes start",
        .capabilities = 0,
        .deadline_ms = 10 * SECONDS,
        .exit_code = EXIT_BOOT_RUNNER,
        .up = runner_prepare,
    },
    {
        .name = "drop",
        .purpose = "boot becomes agentuser for good, confined like any command",
        .capabilities = SETUID | SETGID | SETPCAP,
        .deadline_ms = 10 * SECONDS,
        .exit_code = EXIT_BOOT_DROP,
        .up = drop_privileges,
    },
    {
        .name = "setup",
        .purpose = "hooks the session asked for",
        .capabilities = 0,
        .deadline_ms = 15 * MINUTES,
        .exit_code = EXIT_BOOT_SETUP,
        .up = setup_run_hooks,
    },
    {
        .name = "agent",
        .purpose = "hand the checked service table to PID 1, which starts the agent",
        .capabilities = 0,
        .deadline_ms = 10 * SECONDS,
        .exit_code = EXIT_BOOT_AGENT,
        .up = agent_hand_over,
    },
};
/* clang-format on */

const size_t boot_step_count = sizeof(boot_steps) / sizeof(boot_steps[0]);
