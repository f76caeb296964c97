/* Keeps the table of traced threads; reads what they execute; changes what their calls return. */
#include "tests/fault/tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

struct tracee *tracees_find(struct tracees *tracees, pid_t tid)
{
    for (size_t i = 0; i < TRACEES_MAX; i++) {
        if (tracees->rows[i].tid == tid)
            return &tracees->rows[i];
    }
    return NULL;
}

struct tracee *tracees_add(struct tracees *tracees, pid_t tid, const struct tracee *model)
{
    struct tracee *row = tracees_find(tracees, 0);
    if (row == NULL) {
        dprintf(STDERR_FILENO, "fault: more than %d threads\n", TRACEES_MAX);
        exit(EXIT_FAILURE);
    }
    *row = (struct tracee){.forks = 0};
    if (model != NULL)
        *row = *model;
    row->tid = tid;
    row->is_injected = false;
    row->held_ns = 0;
    row->is_leaving = false;
    return row;
}

/* Where the kernel put the dynamic loader: the mapping of a file named ld-*. */
static void find_loader(struct tracee *tracee)
{
    char path[64];
    char line[PATH_MAX + 128];
    snprintf(path, sizeof(path), "/proc/%d/maps", tracee->tid);
    cleanup_file FILE *maps = fopen(path, "re");
    tracee->loader_start = tracee->loader_end = 0;
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "/ld-") == NULL)
            continue;
        char *rest;
        uint64_t start = strtoull(line, &rest, 16);
        if (tracee->loader_start == 0)
            tracee->loader_start = start;
        tracee->loader_end = strtoull(rest + 1, NULL, 16);
    }
}

/* "--shutdown" is the first argument that PID 1 gives. */
static bool is_shutdown(pid_t tid)
{
    char path[64];
    char text[256] = "";
    snprintf(path, sizeof(path), "/proc/%d/cmdline", tid);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    size_t first = strlen(text) + 1;
    return size > (ssize_t)first && strcmp(text + first, "--shutdown") == 0;
}

bool tracee_identify(struct tracee *tracee)
{
    static const enum fault_phase phases[FAULT_PROGRAM_COUNT] = {
        [FAULT_AGENT_INIT] = FAULT_BOOT,       [FAULT_AGENT_BOOT] = FAULT_BOOT,
        [FAULT_AGENTCLI_EXEC] = FAULT_RUN,     [FAULT_TASK_SANDBOX] = FAULT_SHUTDOWN,
        [FAULT_AGENT_COMMIT] = FAULT_SHUTDOWN,
    };
    char path[64];
    char program[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%d/exe", tracee->tid);
    ssize_t size = readlink(path, program, sizeof(program) - 1);
    if (size < 0)
        return false;
    program[size] = '\0';
    const char *name = strrchr(program, '/') + 1;
    for (int i = 0; i < FAULT_PROGRAM_COUNT; i++) {
        if (strcmp(fault_programs[i], name) != 0)
            continue;
        tracee->program = (enum fault_program)i;
        tracee->phase = phases[i];
        if (i == FAULT_AGENT_BOOT && is_shutdown(tracee->tid))
            tracee->phase = FAULT_SHUTDOWN;
        tracee->forks = 0;
        find_loader(tracee);
        return true;
    }
    return false;
}

static int get_registers(const struct tracee *tracee, struct user_regs_struct *registers)
{
    struct iovec part = {.iov_base = registers, .iov_len = sizeof(*registers)};
    return ptrace(PTRACE_GETREGSET, tracee->tid, (uintptr_t)NT_PRSTATUS, &part) < 0 ? -errno : 0;
}

static int set_registers(const struct tracee *tracee, struct user_regs_struct *registers)
{
    struct iovec part = {.iov_base = registers, .iov_len = sizeof(*registers)};
    return ptrace(PTRACE_SETREGSET, tracee->tid, (uintptr_t)NT_PRSTATUS, &part) < 0 ? -errno : 0;
}

/* getpid(2) passes every filter there is, unlike the number -1. */
int tracee_skip_call(const struct tracee *tracee)
{
#ifdef __x86_64__
    struct user_regs_struct registers;
    int result = get_registers(tracee, &registers);
    registers.orig_rax = SYS_getpid;
    return result < 0 ? result : set_registers(tracee, &registers);
#else
    int number = SYS_getpid;
    struct iovec part = {.iov_base = &number, .iov_len = sizeof(number)};
    return ptrace(PTRACE_SETREGSET, tracee->tid, (uintptr_t)NT_ARM_SYSTEM_CALL, &part) < 0 ? -errno
                                                                                           : 0;
#endif
}

int tracee_fail_call(const struct tracee *tracee, int error)
{
    struct user_regs_struct registers;
    int result = get_registers(tracee, &registers);
    if (result < 0)
        return result;
#ifdef __x86_64__
    registers.rax = (unsigned long long)-(long long)error;
#else
    registers.regs[0] = (unsigned long long)-(long long)error;
#endif
    return set_registers(tracee, &registers);
}
