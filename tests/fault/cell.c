/* The names of cells. */
#include "tests/fault/cell.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* clang-format off */
const char *const fault_programs[FAULT_PROGRAM_COUNT] = {
    [FAULT_AGENT_INIT]    = "agent-init",
    [FAULT_AGENT_BOOT]    = "agent-boot",
    [FAULT_AGENTCLI_EXEC] = "agentcli-exec",
    [FAULT_TASK_SANDBOX]  = "agent-task-sandbox",
    [FAULT_AGENT_COMMIT]  = "agent-commit",
};

const char *const fault_phases[FAULT_PHASE_COUNT] = {
    [FAULT_BOOT]     = "boot",
    [FAULT_RUN]      = "run",
    [FAULT_SHUTDOWN] = "shutdown",
    [FAULT_LOAD]     = "load",
};

static const struct { const char *name; int kind; } kinds[] = {
    {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EPERM", EPERM}, {"ENOMEM", ENOMEM}, {"EINTR", EINTR},
    {"delay", FAULT_DELAY}, {"kill", FAULT_KILL},
};
/* clang-format on */

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

int cell_parse(const char *text, struct cell *cell)
{
    char program[32];
    char phase[16];
    char syscall[32];
    char kind[16];
    char number[16];
    if (sscanf(text, "%31[^/]/%15[^/]/%31[^/]/%15[0-9]/%15s", program, phase, syscall, number,
               kind) != 5)
        return -EINVAL;
    int program_index = find(fault_programs, FAULT_PROGRAM_COUNT, program);
    int phase_index = find(fault_phases, FAULT_PHASE_COUNT, phase);
    int syscall_number = seccomp_syscall_resolve_name(syscall);
    if (program_index < 0 || phase_index < 0 || syscall_number < 0 ||
        syscall_number >= FAULT_SYSCALLS_MAX)
        return -EINVAL;
    *cell = (struct cell){.program = (enum fault_program)program_index,
                          .phase = (enum fault_phase)phase_index,
                          .syscall = syscall_number,
                          .occurrence = (uint32_t)strtoul(number, NULL, 10)};
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(kinds[i].name, kind) != 0)
            continue;
        cell->kind = kinds[i].kind;
        return cell->occurrence == 0 ? -EINVAL : 0;
    }
    return -EINVAL;
}
