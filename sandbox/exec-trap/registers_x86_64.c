/* x86-64: a thread that is to make its call again stops before the kernel has set it back. */
#ifdef __x86_64__
#include "sandbox/exec-trap/registers.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* include/linux/errno.h of the kernel: never seen by programs. */
#define ERESTARTNOINTR 513

const uint64_t registers_red_zone = 128;
const uint32_t registers_architecture = AUDIT_ARCH_X86_64;

int registers_get(pid_t thread, struct registers *registers)
{
    struct iovec part = {.iov_base = &registers->user, .iov_len = sizeof(registers->user)};
    return ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &part) < 0 ? -errno : 0;
}

int registers_set(pid_t thread, const struct registers *registers)
{
    struct registers copy = *registers;
    struct iovec part = {.iov_base = &copy.user, .iov_len = sizeof(copy.user)};
    return ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &part) < 0 ? -errno : 0;
}

uint64_t registers_stack(const struct registers *registers)
{
    return registers->user.rsp;
}

bool registers_is_restarting(const struct registers *registers, const struct seccomp_data *call)
{
    return (int64_t)registers->user.rax == -ERESTARTNOINTR &&
           (int64_t)registers->user.orig_rax == call->nr;
}

void registers_make_exec(struct registers *registers, const struct registers_exec *exec)
{
    registers->user.orig_rax = SYS_execve;
    registers->user.rdi = exec->path;
    registers->user.rsi = exec->arguments;
    registers->user.rdx = exec->environment;
}

void registers_fail(struct registers *registers, int error)
{
    registers->user.rax = (uint64_t) - (int64_t)error;
}

void registers_restore(struct registers *now, const struct registers *saved)
{
    now->user.orig_rax = saved->user.orig_rax;
    now->user.rdi = saved->user.rdi;
    now->user.rsi = saved->user.rsi;
    now->user.rdx = saved->user.rdx;
    now->user.r10 = saved->user.r10;
    now->user.r8 = saved->user.r8;
}
#endif
