/* Constants by name, so that a filter reads like the manual pages it talks about. */
#include "sandbox/agent-seccomp-compile/constants.h"

#include <errno.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"

/* Linux 6.6; not in the headers of Debian 12. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

struct constant {
    const char *name;
    uint32_t value;
};

#define CONSTANT(name)          \
    {                           \
#name, (uint32_t)(name) \
    }

/* clang-format off */
static const struct constant constants[] = {
    CONSTANT(CLONE_NEWTIME),
    CONSTANT(CLONE_NEWNS),
    CONSTANT(CLONE_NEWCGROUP),
    CONSTANT(CLONE_NEWUTS),
    CONSTANT(CLONE_NEWIPC),
    CONSTANT(CLONE_NEWUSER),
    CONSTANT(CLONE_NEWPID),
    CONSTANT(CLONE_NEWNET),
    CONSTANT(AF_UNIX),
    CONSTANT(AF_INET),
    CONSTANT(AF_INET6),
    CONSTANT(AF_NETLINK),
    CONSTANT(SOCK_SEQPACKET),
    CONSTANT(SOCK_DCCP),
    CONSTANT(IPPROTO_DCCP),
    CONSTANT(IPPROTO_SCTP),
    CONSTANT(TIOCSTI),
    CONSTANT(TIOCLINUX),
    CONSTANT(TIOCSETD),
    CONSTANT(PTRACE_CONT),
    CONSTANT(PTRACE_DETACH),
    CONSTANT(PTRACE_SEIZE),
    CONSTANT(PTRACE_INTERRUPT),
    CONSTANT(PTRACE_GETREGSET),
    CONSTANT(PTRACE_SETREGSET),
    CONSTANT(PTRACE_GETSIGMASK),
    CONSTANT(PTRACE_SETSIGMASK),
    CONSTANT(PTRACE_GETEVENTMSG),
    CONSTANT(SECCOMP_IOCTL_NOTIF_RECV),
    CONSTANT(SECCOMP_IOCTL_NOTIF_SEND),
    CONSTANT(SECCOMP_IOCTL_NOTIF_ID_VALID),
    CONSTANT(SECCOMP_IOCTL_NOTIF_SET_FLAGS),
    CONSTANT(SECCOMP_SET_MODE_FILTER),
    CONSTANT(SECCOMP_FILTER_FLAG_NEW_LISTENER),
    CONSTANT(PER_LINUX),
    CONSTANT(PER_LINUX32),
    CONSTANT(UNAME26),
    CONSTANT(ADDR_NO_RANDOMIZE),
};

static const struct constant error_numbers[] = {
    CONSTANT(EPERM),
    CONSTANT(EACCES),
    CONSTANT(EBUSY),
    CONSTANT(EINVAL),
    CONSTANT(ENOSYS),
    CONSTANT(EINPROGRESS),
    CONSTANT(EAFNOSUPPORT),
    CONSTANT(EPROTONOSUPPORT),
};

static const struct constant new_syscalls[] = {
    {"open_tree_attr", 467}, /* Linux 6.15 */
};
/* clang-format on */

static const struct constant *find(const struct constant *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

int constant_find(const char *name, uint32_t *value)
{
    const struct constant *found = find(constants, ARRAY_LENGTH(constants), name);

    if (found == NULL)
        return -ENOENT;
    *value = found->value;
    return 0;
}

int constant_find_errno(const char *name)
{
    const struct constant *found = find(error_numbers, ARRAY_LENGTH(error_numbers), name);

    return found != NULL ? (int)found->value : -ENOENT;
}

int constant_find_syscall(const char *name)
{
    const struct constant *found = find(new_syscalls, ARRAY_LENGTH(new_syscalls), name);

    return found != NULL ? (int)found->value : -ENOENT;
}
