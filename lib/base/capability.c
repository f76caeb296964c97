/* Capability sets by raw capget/capset and prctl. */
#include "lib/base/capability.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* clang-format off */
static const char *const capability_names[] = {
    [CAP_CHOWN] = "CHOWN",
    [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
    [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
    [CAP_FOWNER] = "FOWNER",
    [CAP_FSETID] = "FSETID",
    [CAP_KILL] = "KILL",
    [CAP_SETGID] = "SETGID",
    [CAP_SETUID] = "SETUID",
    [CAP_SETPCAP] = "SETPCAP",
    [CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
    [CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
    [CAP_NET_BROADCAST] = "NET_BROADCAST",
    [CAP_NET_ADMIN] = "NET_ADMIN",
    [CAP_NET_RAW] = "NET_RAW",
    [CAP_IPC_LOCK] = "IPC_LOCK",
    [CAP_IPC_OWNER] = "IPC_OWNER",
    [CAP_SYS_MODULE] = "SYS_MODULE",
    [CAP_SYS_RAWIO] = "SYS_RAWIO",
    [CAP_SYS_CHROOT] = "SYS_CHROOT",
    [CAP_SYS_PTRACE] = "SYS_PTRACE",
    [CAP_SYS_PACCT] = "SYS_PACCT",
    [CAP_SYS_ADMIN] = "SYS_ADMIN",
    [CAP_SYS_BOOT] = "SYS_BOOT",
    [CAP_SYS_NICE] = "SYS_NICE",
    [CAP_SYS_RESOURCE] = "SYS_RESOURCE",
    [CAP_SYS_TIME] = "SYS_TIME",
    [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
    [CAP_MKNOD] = "MKNOD",
    [CAP_LEASE] = "LEASE",
    [CAP_AUDIT_WRITE] = "AUDIT_WRITE",
    [CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
    [CAP_SETFCAP] = "SETFCAP",
    [CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
    [CAP_MAC_ADMIN] = "MAC_ADMIN",
    [CAP_SYSLOG] = "SYSLOG",
    [CAP_WAKE_ALARM] = "WAKE_ALARM",
    [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
    [CAP_AUDIT_READ] = "AUDIT_READ",
    [CAP_PERFMON] = "PERFMON",
    [CAP_BPF] = "BPF",
    [CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};
/* clang-format on */

#define CAPABILITY_COUNT ((int)(sizeof(capability_names) / sizeof(capability_names[0])))

int capability_get(struct capability_sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    sets->effective = data[0].effective | (uint64_t)data[1].effective << 32;
    sets->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    sets->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    return 0;
}

int capability_set(const struct capability_sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)sets->effective,
         .permitted = (uint32_t)sets->permitted,
         .inheritable = (uint32_t)sets->inheritable},
        {.effective = (uint32_t)(sets->effective >> 32),
         .permitted = (uint32_t)(sets->permitted >> 32),
         .inheritable = (uint32_t)(sets->inheritable >> 32)},
    };
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int capability_set_effective(uint64_t mask)
{
    struct capability_sets sets = {.permitted = 0};
    int result = capability_get(&sets);
    if (result < 0)
        return result;
    sets.effective = mask;
    return capability_set(&sets);
}

/* -1 with EINVAL where the kernel's capabilities end, which may be beyond our table: prctl(2). */
static int read_bounding(int capability)
{
    return prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
}

bool capability_is_bounded(int capability)
{
    return read_bounding(capability) == 1;
}

bool capability_has_bounding(void)
{
    int found = 0;
    for (int capability = 0; capability < 64 && found == 0; capability++)
        found = read_bounding(capability);
    return found > 0;
}

static int drop_bounding_except(uint64_t mask)
{
    for (int capability = 0; capability < 64; capability++) {
        int found = read_bounding(capability);
        if (found < 0)
            break;
        if ((mask & CAPABILITY_BIT(capability)) != 0 || found == 0)
            continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            return -errno;
    }
    return 0;
}

int capability_clear_bounding(void)
{
    return drop_bounding_except(0);
}

int capability_limit(uint64_t mask)
{
    int result = drop_bounding_except(mask);
    if (result < 0)
        return result;
    /* EINVAL: a kernel before 4.3 has no ambient set, so there is nothing to clear. */
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return -errno;
    struct capability_sets sets = {.permitted = 0};
    result = capability_get(&sets);
    if (result < 0)
        return result;
    sets.permitted &= mask;
    sets.effective = sets.permitted;
    sets.inheritable = 0;
    return capability_set(&sets);
}

const char *capability_name(int capability)
{
    if (capability < 0 || capability >= CAPABILITY_COUNT)
        return NULL;
    return capability_names[capability];
}

int capability_from_name(const char *name)
{
    if (strncmp(name, "CAP_", 4) == 0)
        name += 4;
    for (int capability = 0; capability < CAPABILITY_COUNT; capability++) {
        if (strcmp(capability_names[capability], name) == 0)
            return capability;
    }
    return -EINVAL;
}
