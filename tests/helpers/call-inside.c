/*
 * call-inside PID CALL: lets a process that waits in the kernel make one system call, and prints
 * what that gave. What confines the process decides, whoever asks for the call.
 */
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "lib/base/cleanup.h"

#ifdef __aarch64__
#define INSTRUCTION 4
#define PLACE pc
#define RESULT regs[0]
#define NUMBER regs[8]
#define ARGUMENTS(registers)                                                \
    {                                                                       \
        &(registers)->regs[0], &(registers)->regs[1], &(registers)->regs[2] \
    }
#define FORGET_CALL(registers) ((void)(registers))
#else
#define INSTRUCTION 2
#define PLACE rip
#define RESULT rax
#define NUMBER rax
#define ARGUMENTS(registers)                                    \
    {                                                           \
        &(registers)->rdi, &(registers)->rsi, &(registers)->rdx \
    }
/* The kernel is not to restart the call that it was taken out of. */
#define FORGET_CALL(registers) ((registers)->orig_rax = (unsigned long)-1)
#endif

/* clang-format off */
static const struct {
    const char *name;
    long number;
    uint64_t arguments[3];
} calls[] = {
    {"getpid",      SYS_getpid,   {0, 0, 0}},
    {"unix-socket", SYS_socket,   {AF_UNIX, SOCK_SEQPACKET, 0}},
    {"inet-socket", SYS_socket,   {AF_INET, SOCK_STREAM, 0}},
    {"execve",      SYS_execve,   {0, 0, 0}},
    {"seccomp",     SYS_seccomp,  {9999, 0, 0}},
    {"unlink",      SYS_unlinkat, {(uint64_t)-1, 0, 0}},
};
/* clang-format on */

static int fail(const char *what)
{
    fprintf(stderr, "call-inside: %s: %s\n", what, strerror(errno));
    return 1;
}

static int read_registers(pid_t pid, struct user_regs_struct *registers)
{
    struct iovec part = {.iov_base = registers, .iov_len = sizeof(*registers)};
    return (int)ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &part);
}

static int write_registers(pid_t pid, struct user_regs_struct *registers)
{
    struct iovec part = {.iov_base = registers, .iov_len = sizeof(*registers)};
    return (int)ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &part);
}

/* Until the next stop, at a call's beginning or end. */
static int step(pid_t pid)
{
    int status;
    return ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, __WALL) == pid &&
                   WIFSTOPPED(status)
               ? 0
               : -1;
}

static int call(pid_t pid, size_t which)
{
    struct user_regs_struct saved;
    int status;
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
        return fail("seize");
    if (waitpid(pid, &status, __WALL) != pid || read_registers(pid, &saved) < 0)
        return fail("stop");
    struct user_regs_struct made = saved;
    __typeof__(made.NUMBER) *arguments[] = ARGUMENTS(&made);
    FORGET_CALL(&made);
    FORGET_CALL(&saved);
    made.PLACE -= INSTRUCTION;
    for (size_t i = 0; i < ARRAY_LENGTH(arguments); i++)
        *arguments[i] = calls[which].arguments[i];
    made.NUMBER = (__typeof__(made.NUMBER))calls[which].number;
    if (write_registers(pid, &made) < 0 || step(pid) < 0 || step(pid) < 0 ||
        read_registers(pid, &made) < 0)
        return fail("make the call");
    if (write_registers(pid, &saved) < 0 || ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
        return fail("let go");
    long long result = (long long)made.RESULT;
    printf("%s\n", result < 0 ? strerror((int)-result) : "done");
    return 0;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < ARRAY_LENGTH(calls); i++) {
        if (strcmp(calls[i].name, argv[2]) == 0)
            return call((pid_t)strtol(argv[1], NULL, 10), i);
    }
    fputs("usage: call-inside PID CALL\n", stderr);
    return 1;
}
