/* A cell of the fault matrix: which call of which program fails, and how. */
#ifndef FAULT_CELL_H
#define FAULT_CELL_H

#include <stdint.h>

/* Programs whose calls are counted; every other one runs untraced. */
enum fault_program {
    FAULT_AGENT_INIT,
    FAULT_AGENT_BOOT,
    FAULT_AGENTCLI_EXEC,
    FAULT_TASK_SANDBOX,
    FAULT_AGENT_COMMIT,
    FAULT_PROGRAM_COUNT
};

/* Of the session for PID 1, of its own for everything else. LOAD is the dynamic loader's part. */
enum fault_phase { FAULT_BOOT, FAULT_RUN, FAULT_SHUTDOWN, FAULT_LOAD, FAULT_PHASE_COUNT };

/* A kind is a positive errno value, or one of these. */
#define FAULT_DELAY 0
#define FAULT_KILL (-1)

#define FAULT_SYSCALLS_MAX 512

struct cell {
    enum fault_program program;
    enum fault_phase phase;
    int syscall;
    uint32_t occurrence; /* from 1; 0: inject nothing */
    int kind;
};

extern const char *const fault_programs[FAULT_PROGRAM_COUNT];
extern const char *const fault_phases[FAULT_PHASE_COUNT];

/* Reads "PROGRAM/PHASE/SYSCALL/OCCURRENCE/KIND". 0, or -EINVAL. */
int cell_parse(const char *text, struct cell *cell);

#endif
