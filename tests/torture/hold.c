/*
 * Brings agent-boot to the middle of a step of its boot and leaves it stopped there:
 *
 *   hold PID               lets it go and prints "STEP CALLS": how many system calls each step
 * makes hold PID STEP CALLS    stops it after that many calls of the step
 *
 * It waits at the door, having stopped itself. A step begins where the line of the last one ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME_SIZE 32

struct boot {
    pid_t pid;
    unsigned calls; /* of the step so far */
    bool is_begun;  /* the head of the report was written */
    int signal;     /* to be handed on; 0: none */
};

static void die(const char *what)
{
    fprintf(stderr, "hold: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Waits for the next stop, of a call or of anything else. False when it has ended. */
static bool step(struct boot *boot, struct __ptrace_syscall_info *info)
{
    int status;
    pid_t pid = boot->pid;
    if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
        return false;
    bool is_signal = status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80);
    boot->signal = is_signal ? WSTOPSIG(status) : 0;
    *info = (struct __ptrace_syscall_info){.op = PTRACE_SYSCALL_INFO_NONE};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(*info), info) < 0)
        die("PTRACE_GET_SYSCALL_INFO");
    return true;
}

static void go_on(const struct boot *boot)
{
    if (ptrace(PTRACE_SYSCALL, boot->pid, 0, boot->signal) < 0)
        die("PTRACE_SYSCALL");
}

/* The step whose line is about to be said on stderr: "  NAME  up ...". The head counts as one
 * without a name. False for any other call. What stderr is shows in how send(2) fails, which is
 * tried first: lib/base/diagnostic.c. */
static bool is_report(const struct boot *boot, const struct __ptrace_syscall_info *info, char *name)
{
    char text[NAME_SIZE] = "";
    struct iovec mine = {.iov_base = text, .iov_len = sizeof(text) - 1};
    struct iovec theirs = {.iov_base = (void *)(uintptr_t)info->entry.args[1],
                           .iov_len = sizeof(text) - 1};
    if (info->entry.nr != SYS_sendto || info->entry.args[0] != STDERR_FILENO)
        return false;
    if (theirs.iov_len > info->entry.args[2])
        theirs.iov_len = info->entry.args[2];
    if (process_vm_readv(boot->pid, &mine, 1, &theirs, 1, 0) <= 0)
        die("process_vm_readv");
    name[0] = '\0';
    if (!boot->is_begun)
        return strncmp(text, "coding-agents ", 14) == 0;
    bool is_line = strncmp(text, "  ", 2) == 0 && strncmp(text, "  weaker", 8) != 0;
    return is_line && sscanf(text + 2, "%31[a-z]", name) == 1;
}

/* Walks with it until it is CALLS into STEP, or to its end when that is NULL. */
static bool walk(struct boot *boot, const char *wanted, unsigned calls)
{
    static const char *const steps[] = {
        "kernel", "manifest", "mounts",  "capabilities", "workspace", "git",   "data",
        "runner", "broker",   "secrets", "history",      "drop",      "setup", "agent"};
    const size_t count = sizeof(steps) / sizeof(steps[0]);
    struct __ptrace_syscall_info info;
    char name[NAME_SIZE];
    size_t at = 0;
    for (; step(boot, &info); go_on(boot)) {
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        boot->calls++;
        bool is_here = boot->is_begun && wanted != NULL && at < count;
        if (is_here && strcmp(steps[at], wanted) == 0 && boot->calls >= calls)
            return true;
        if (!is_report(boot, &info, name))
            continue;
        if (boot->is_begun && wanted == NULL)
            printf("%s %u\n", name, boot->calls);
        at += boot->is_begun;
        boot->is_begun = true;
        boot->calls = 0;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4)
        return 2;
    struct boot boot = {.pid = (pid_t)strtol(argv[1], NULL, 10)};
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_SEIZE, boot.pid, 0, PTRACE_O_TRACESYSGOOD) < 0)
        die("PTRACE_SEIZE");
    kill(boot.pid, SIGCONT);
    if (ptrace(PTRACE_INTERRUPT, boot.pid, 0, 0) < 0 || !step(&boot, &info))
        die("PTRACE_INTERRUPT");
    go_on(&boot);
    if (argc == 2)
        return walk(&boot, NULL, 0) ? 1 : 0;
    if (!walk(&boot, argv[2], (unsigned)strtoul(argv[3], NULL, 10)))
        die("it has ended");
    kill(boot.pid, SIGSTOP);
    if (ptrace(PTRACE_DETACH, boot.pid, 0, 0) < 0)
        die("PTRACE_DETACH");
    return 0;
}
