/* arm64: a thread that is to make its call again was set back to it before it stopped. */
#ifdef __aarch64__
#include "sandbox/exec-trap/registers.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define INSTRUCTION_SIZE 4
#define NUMBER_REGISTER 8
/* Of execveat(2), whose places execve(2) uses otherwise. */
#define ARGUMENT_COUNT 5

/* The procedure call standard has none; signal frames and other systems' do. */
const uint64_t registers_red_zone = 128;
const uint32_t registers_architecture = AUDIT_ARCH_AARCH64;

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
    return registers->user.sp;
}

/*
 * The kernel has made it forget that it is in a call, and the number is where it was in any case.
 * Only when the call is to be made again it stands at its instruction, not behind it.
 */
bool registers_is_restarting(const struct registers *registers, const struct seccomp_data *call)
{
    return (int64_t)registers->user.regs[NUMBER_REGISTER] == call->nr &&
           registers->user.pc == call->instruction_pointer - INSTRUCTION_SIZE;
}

void registers_make_exec(struct registers *registers, const struct registers_exec *exec)
{
    registers->user.regs[NUMBER_REGISTER] = SYS_execve;
    registers->user.regs[0] = exec->path;
    registers->user.regs[1] = exec->arguments;
    registers->user.regs[2] = exec->environment;
}

void registers_fail(struct registers *registers, int error)
{
    registers->user.pc += INSTRUCTION_SIZE;
    registers->user.regs[0] = (uint64_t) - (int64_t)error;
}

void registers_restore(struct registers *now, const struct registers *saved)
{
    bool is_made_again = now->user.pc == saved->user.pc;
    for (int i = is_made_again ? 0 : 1; i < ARGUMENT_COUNT; i++)
        now->user.regs[i] = saved->user.regs[i];
    now->user.regs[NUMBER_REGISTER] = saved->user.regs[NUMBER_REGISTER];
}
#endif
