/*
 * Cuts a task runner short in the middle of a notification:
 *
 *   cut_notification PID         follows one from its receipt to its answer, prints how many system
 *                                calls lie between the two, and lets the runner go on
 *   cut_notification PID CALLS   kills the runner so many calls after a receipt, and before the
 *                                answer; ends with 3 when the answer came earlier
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void die(const char *what)
{
    fprintf(stderr, "cut_notification: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Lets it go on to its next stop, of a call or of anything else. */
static void step(pid_t pid, int *signal, struct __ptrace_syscall_info *info)
{
    int status;
    if (ptrace(PTRACE_SYSCALL, pid, 0, *signal) < 0)
        die("PTRACE_SYSCALL");
    if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
        die("it has ended");
    bool is_signal = status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80);
    *signal = is_signal ? WSTOPSIG(status) : 0;
    *info = (struct __ptrace_syscall_info){.op = PTRACE_SYSCALL_INFO_NONE};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(*info), info) < 0)
        die("PTRACE_GET_SYSCALL_INFO");
}

static bool asks_for(const struct __ptrace_syscall_info *entry, uint64_t request)
{
    return entry->entry.nr == SYS_ioctl && (uint32_t)entry->entry.args[1] == (uint32_t)request;
}

/* Follows it until a notification was received. */
static void await_receipt(pid_t pid, int *signal)
{
    struct __ptrace_syscall_info info;
    bool is_receipt = false;
    for (;;) {
        step(pid, signal, &info);
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
            is_receipt = asks_for(&info, SECCOMP_IOCTL_NOTIF_RECV);
        else if (info.op == PTRACE_SYSCALL_INFO_EXIT && is_receipt && info.exit.rval == 0)
            return;
    }
}

/* How many calls follow before the answer, which is not made yet; at most MAX. */
static unsigned long count_calls(pid_t pid, int *signal, unsigned long max, bool *is_answered)
{
    struct __ptrace_syscall_info info;
    unsigned long calls = 0;
    for (;;) {
        step(pid, signal, &info);
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        *is_answered = asks_for(&info, SECCOMP_IOCTL_NOTIF_SEND);
        if (*is_answered || calls == max)
            return calls;
        calls++;
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        return 2;
    pid_t pid = (pid_t)strtol(argv[1], NULL, 10);
    unsigned long max = argc == 3 ? strtoul(argv[2], NULL, 10) : ~0UL;
    int status;
    int signal = 0;
    bool is_answered = false;
    if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) < 0)
        die("PTRACE_SEIZE");
    if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 || waitpid(pid, &status, __WALL) != pid)
        die("PTRACE_INTERRUPT");
    await_receipt(pid, &signal);
    unsigned long calls = count_calls(pid, &signal, max, &is_answered);
    if (argc == 3 && calls == max) {
        kill(pid, SIGKILL);
        return 0;
    }
    printf("%lu\n", calls);
    if (ptrace(PTRACE_DETACH, pid, 0, signal) < 0)
        die("PTRACE_DETACH");
    return argc == 3 ? 3 : 0;
}
