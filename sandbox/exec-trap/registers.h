/* The registers of a stopped thread, as an exec sees them: one file per architecture. */
#ifndef EXEC_TRAP_REGISTERS_H
#define EXEC_TRAP_REGISTERS_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct registers {
    struct user_regs_struct user;
};

/* The arguments of execve(2). */
struct registers_exec {
    uint64_t path;
    uint64_t arguments;
    uint64_t environment;
};

/* Below the stack pointer, leaf functions keep this much to themselves: the ABI's red zone. */
extern const uint64_t registers_red_zone;
/* As AUDIT_ARCH_... of linux/audit.h, the only one that the trap lets through. */
extern const uint32_t registers_architecture;

/* 0 or -errno (-ESRCH: the thread is gone). */
int registers_get(pid_t thread, struct registers *registers);
int registers_set(pid_t thread, const struct registers *registers);

uint64_t registers_stack(const struct registers *registers);

/* True when the thread stopped on its way back from CALL, and is to make it again. */
bool registers_is_restarting(const struct registers *registers, const struct seccomp_data *call);

/* The call that is made again becomes execve(EXEC). */
void registers_make_exec(struct registers *registers, const struct registers_exec *exec);

/* The call is not made again: it fails with ERROR (positive). */
void registers_fail(struct registers *registers, int error);

/*
 * NOW belongs to a thread that stopped after the call that registers_make_exec set up: its result
 * stays (or that it is to be made again), its arguments become those of SAVED.
 */
void registers_restore(struct registers *now, const struct registers *saved);

#endif
