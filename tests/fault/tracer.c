/* The ptrace loop: every call of the counted programs stops twice, and one of them fails. */
#include "tests/fault/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define DELAY_MS 200
#define TICK_US 20000
#define CALL_STOP (SIGTRAP | 0x80)
/* A process of a process that agent-boot forked is what its probe seizes. */
#define FORKS_MAX 1

#define OPTIONS                                                                             \
    (PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT)

static void resume(struct tracee *tracee, int signal)
{
    /* ESRCH: killed meanwhile; its end is reported next. */
    long result = ptrace(tracee->is_leaving ? PTRACE_DETACH : PTRACE_SYSCALL, tracee->tid, NULL,
                         (uintptr_t)signal);
    if (result == 0 && tracee->is_leaving)
        tracee->tid = 0;
}

int tracer_attach(struct tracer *tracer, pid_t pid)
{
    char path[64];
    struct stat status;
    tracer->first = pid;
    for (int i = 0; i < CANARIES_MAX; i++)
        tracer->canaries[i] = -1;
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
    if (ptrace(PTRACE_SEIZE, pid, NULL, (uintptr_t)OPTIONS) < 0 || stat(path, &status) < 0)
        return -errno;
    tracer->namespace_inode = status.st_ino;
    tracees_add(&tracer->tracees, pid, NULL);
    return 0;
}

static void inject(struct tracer *tracer, struct tracee *tracee)
{
    int kind = tracer->cell.kind;
    tracer->fired++;
    if (kind == FAULT_KILL) {
        kill(tracee->tid, SIGKILL);
    } else if (kind == FAULT_DELAY) {
        tracee->held_ns = clock_monotonic_ns() + DELAY_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    } else {
        /* Linux frees a descriptor before anything of close(2) can fail. */
        tracee->is_injected = tracer->cell.syscall == SYS_close || tracee_skip_call(tracee) == 0;
        tracee->error = kind;
    }
}

static void enter_call(struct tracer *tracer, struct tracee *tracee, uint64_t number,
                       uint64_t instruction)
{
    const struct cell *cell = &tracer->cell;
    bool is_first = tracee->program == FAULT_AGENT_INIT;
    enum fault_phase phase = is_first ? tracer->phase : tracee->phase;
    if (instruction >= tracee->loader_start && instruction < tracee->loader_end)
        phase = FAULT_LOAD;
    if (number >= FAULT_SYSCALLS_MAX)
        return;
    /* A step that comes behind the one that makes their places may be the last. */
    if (tracer->phase == FAULT_BOOT && tracee->program == FAULT_AGENT_BOOT)
        canary_plant(tracer);
    uint32_t count = ++tracer->counts[tracee->program][phase][number];
    if (tracee->program == cell->program && phase == cell->phase && cell->occurrence == count &&
        (int)number == cell->syscall)
        inject(tracer, tracee);
}

/* What the agent executes is below the exec trap, which refuses whoever has a tracer already. */
static bool is_trapped(const struct tracee *tracee, uint64_t number)
{
    return tracee->program == FAULT_AGENTCLI_EXEC && number == SYS_execve && !tracee->is_injected;
}

static void on_call(struct tracer *tracer, struct tracee *tracee)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info) <= 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        enter_call(tracer, tracee, info.entry.nr, info.instruction_pointer);
        tracee->is_leaving = is_trapped(tracee, info.entry.nr);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee->is_injected) {
        tracee->is_injected = false;
        (void)tracee_fail_call(tracee, tracee->error);
    }
}

/* Waits for the first stop of CHILD, unless the loop has seen it before the parent's event. */
static bool await_child(struct tracer *tracer, pid_t child)
{
    struct tracee *early = tracees_find(&tracer->tracees, child);
    int status = 0;
    if (early != NULL) {
        early->tid = 0;
        return true;
    }
    while (waitpid(child, &status, __WALL) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFSTOPPED(status);
}

/* Its parent stands still until it was taken over, so nothing of either is missed. */
static void on_child(struct tracer *tracer, const struct tracee *parent, bool is_thread)
{
    unsigned long child = 0;
    if (ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &child) < 0 ||
        !await_child(tracer, (pid_t)child))
        return;
    if (!is_thread && parent->forks >= FORKS_MAX) {
        ptrace(PTRACE_DETACH, (pid_t)child, NULL, NULL);
        return;
    }
    struct tracee *row = tracees_add(&tracer->tracees, (pid_t)child, parent);
    row->forks += is_thread ? 0 : 1;
    resume(row, 0);
}

/* False when TRACEE was let go. */
static bool on_exec(struct tracer *tracer, struct tracee *tracee)
{
    if (!tracee_identify(tracee)) {
        ptrace(PTRACE_DETACH, tracee->tid, NULL, NULL);
        tracee->tid = 0;
        return false;
    }
    if (tracee->program == FAULT_AGENTCLI_EXEC && tracer->phase == FAULT_BOOT) {
        tracer->phase = FAULT_RUN;
    }
    if (tracee->program == FAULT_AGENT_BOOT && tracee->phase == FAULT_SHUTDOWN)
        tracer->phase = FAULT_SHUTDOWN;
    return true;
}

/* What is there when PID 1 has nothing more to do. */
static void look_at_end(struct tracer *tracer)
{
    tracer->survivors = canary_count_survivors(tracer);
    tracer->reachable = canary_count_reachable(tracer);
}

/* False when there is nothing left to resume. */
static bool on_event(struct tracer *tracer, struct tracee *tracee, int event)
{
    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        on_child(tracer, tracee, event == PTRACE_EVENT_CLONE);
        return true;
    case PTRACE_EVENT_EXEC:
        return on_exec(tracer, tracee);
    case PTRACE_EVENT_EXIT:
        if (tracee->tid == tracer->first)
            look_at_end(tracer);
        return true;
    default:
        return true;
    }
}

static void on_stop(struct tracer *tracer, struct tracee *tracee, int status)
{
    int signal = WSTOPSIG(status);
    int event = status >> 16;
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL); /* a group that was stopped stays so */
        return;
    }
    bool is_left = true;
    if (signal == CALL_STOP)
        on_call(tracer, tracee);
    else if (event != 0)
        is_left = on_event(tracer, tracee, event);
    if (is_left && tracee->held_ns == 0)
        resume(tracee, signal == CALL_STOP || event != 0 ? 0 : signal);
}

/* A child is left standing for its parent's event. One that is dying goes on: its parent may have
 * been killed before that event, and would be waited for by nobody. */
static void on_unknown(struct tracer *tracer, pid_t tid, int status)
{
    if (status >> 16 == PTRACE_EVENT_EXIT)
        ptrace(PTRACE_CONT, tid, NULL, NULL);
    else
        tracees_add(&tracer->tracees, tid, NULL);
}

/* What was delayed long enough goes on; who hangs is killed. */
static void look_at_clock(struct tracer *tracer)
{
    uint64_t now = clock_monotonic_ns();
    for (size_t i = 0; i < TRACEES_MAX; i++) {
        struct tracee *row = &tracer->tracees.rows[i];
        if (row->tid == 0 || row->held_ns == 0 || now < row->held_ns)
            continue;
        row->held_ns = 0;
        resume(row, 0);
    }
    if (now < tracer->end_ns || tracer->is_hung)
        return;
    tracer->is_hung = true;
    kill(tracer->first, SIGKILL);
}

static void note_tick(int signal)
{
    (void)signal;
}

void tracer_follow(struct tracer *tracer)
{
    struct sigaction action = {.sa_handler = note_tick}; /* no SA_RESTART: waitpid returns */
    const struct itimerval tick = {.it_value = {.tv_usec = TICK_US},
                                   .it_interval = {.tv_usec = TICK_US}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &tick, NULL);
    for (;;) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL);
        look_at_clock(tracer);
        if (tid < 0 && errno == EINTR)
            continue;
        if (tid < 0)
            return;
        struct tracee *tracee = tracees_find(&tracer->tracees, tid);
        if (WIFSTOPPED(status)) {
            if (tracee == NULL)
                on_unknown(tracer, tid, status);
            else
                on_stop(tracer, tracee, status);
            continue;
        }
        if (tracee != NULL)
            tracee->tid = 0;
        if (tid != tracer->first)
            continue;
        tracer->wait_status = status;
        return;
    }
}
