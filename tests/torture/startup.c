/* TERM between any two system calls of an init's start: the signals' mask and dispositions change
 * nowhere else, so these are all the points there are. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/torture/torture.h"

/* exec itself, and what a C library does before main(): no program can be ready earlier. */
#define CALLS_BEFORE_MAIN 3
#define POINTS_MAX 1000

static void await_stop(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, __WALL | WUNTRACED) != pid || !WIFSTOPPED(status))
        broken("no stop");
}

/* On to the end of the next system call. */
static void end_call(pid_t pid)
{
    struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    while (info.op != PTRACE_SYSCALL_INFO_EXIT) {
        if (ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0)
            broken("PTRACE_SYSCALL");
        await_stop(pid);
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
            broken("PTRACE_GET_SYSCALL_INFO");
    }
}

/* A tracee keeps a signal that PID 1 would lose, so the tracer lets go of it first. */
static void let_go(pid_t pid)
{
    kill(pid, SIGSTOP);
    if (ptrace(PTRACE_DETACH, pid, 0, 0) < 0)
        broken("PTRACE_DETACH");
    await_stop(pid);
}

/* TERM after CALLS system calls. True when main had none of it. *IS_STARTED: main was there. */
static bool is_lost_after(int calls, bool *is_started)
{
    start(&(struct setting){.command = COMMAND("marked"), .is_held = true});
    pid_t pid = init_pid();
    if (ptrace(PTRACE_SEIZE, pid, 0,
               PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD) < 0)
        broken("PTRACE_SEIZE");
    release();
    await_stop(pid); /* in exec */
    for (int i = 0; i < calls; i++)
        end_call(pid);
    *is_started = main_pid() != 0;
    let_go(pid);
    signal_init(SIGTERM);
    signal_init(SIGCONT);
    /* An init may pass on what it reads in one go in any order, so the second mark is sent when the
     * first has come: TERM, if it has it, is in an earlier go. */
    if (next_line("up") != NULL)
        signal_init(SIGIO);
    if (next_line("marked") != NULL)
        signal_init(SIGIO);
    int code = await_exit();
    if (code < 0)
        fail("hung");
    if (code != 128 + SIGTERM && code != 99)
        fail("exit %d", code);
    finish();
    return code == 99;
}

static void every_point(void)
{
    bool is_started = false;
    bool has_lost = false;
    int calls = 0;
    for (; !is_started && calls < POINTS_MAX; calls++) {
        bool is_lost = is_lost_after(calls, &is_started);
        if (is_lost && calls > CALLS_BEFORE_MAIN)
            fail("lost");
        has_lost = has_lost || is_lost;
    }
    /* What comes before the first instruction is lost with any init, or the harness sees nothing.
     */
    if (!has_lost || !is_started)
        fail("nothing was tried");
    pass();
}

/* clang-format off */
const struct item startup_items[] = {
    {"TERM at every point of start-up", every_point, .fails = PEERS},
    {.name = NULL},
};
/* clang-format on */
