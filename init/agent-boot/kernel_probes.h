/* Probes of the kernel and the engine, each by doing the thing. */
#ifndef BOOT_KERNEL_PROBES_H
#define BOOT_KERNEL_PROBES_H

#include "init/agent-boot/boot.h"

/*
 * 0 when the thing works (context->detail may say more), BOOT_SKIPPED when it cannot be tried here,
 * or -errno with the cause in ERR.
 */
boot_step_function probe_kernel_version, probe_landlock, probe_user_notify, probe_pidfd,
    probe_close_range, probe_ptrace, probe_no_new_privs, probe_seccomp_mode, probe_capabilities,
    probe_read_only_root, probe_masked_proc, probe_fresh_proc, probe_identity, probe_pid_one,
    probe_apparmor, probe_idmapped_mounts, probe_host_socket;

#endif
