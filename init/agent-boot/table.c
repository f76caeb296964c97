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
        .name = "capabilities",
        .purpose = "the sealed capability of the agent's login, given to the identity that redeems it",
        .capabilities = CHOWN | SETUID | SETGID,
        .deadline_ms = 10 * SECONDS,
        .down_deadline_ms = 5 * SECONDS,
        .exit_code = EXIT_BOOT_SECRETS,
        .wipes = true,
        .up = capabilities_take,
        .down = capabilities_wipe,
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
        /* Late: the holder's key is here for a moment only, and the broker's minute begins now. */
        .name = "broker",
        .purpose = "hello to the broker, once; the holder's key arrives here",
        .capabilities = 0,
        .deadline_ms = 10 * SECONDS,
        .exit_code = EXIT_BOOT_SECRETS,
        .up = broker_greet,
    },
    {
        .name = "secrets",
        .purpose = "the agent's login, redeemed before any program of a vendor's lives; the data step wipes it",
        .capabilities = SETUID | SETGID | SETPCAP | KILL,
        .deadline_ms = 30 * SECONDS,
        .exit_code = EXIT_BOOT_SECRETS,
        .up = secrets_prepare,
    },
    {
        /* Before the wipe of its mirror. What it starts is agentcli's. */
        .name = "history",
        .purpose = "what the agent left in earlier sessions; at shutdown given back, to be merged on the host",
        .capabilities = SETUID | SETGID | SETPCAP | KILL,
        .deadline_ms = 60 * SECONDS,
        /* The user's work comes behind it, and its length is the agent's to choose. */
        .down_deadline_ms = 5 * SECONDS,
        .exit_code = EXIT_BOOT_DATA,
        .up = history_bring,
        .down = history_give,
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
