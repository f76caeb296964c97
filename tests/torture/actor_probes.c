/* Actors that look at what they were given, or try what they must not be able to. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/actor.h"

#define YES 42
#define DESCRIPTORS 64
#define KERNEL_SIGNALS 64

/* Says which descriptors are open. */
static int run_descriptors(char **arguments)
{
    (void)arguments;
    char line[256];
    size_t used = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            used += (size_t)snprintf(line + used, sizeof(line) - used, " %d", fd);
    }
    say("open%s", line);
    return YES;
}

/* 0, 1 and 2 are closed or /dev/null: nothing of the init took their numbers. */
static int run_standard(char **arguments)
{
    (void)arguments;
    for (int fd = 0; fd <= 2; fd++) {
        struct stat status;
        if (fstat(fd, &status) == 0 &&
            (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)))
            return ACTOR_NO;
    }
    return YES;
}

/* No signal is blocked or ignored. The C library hides some of both. */
static int run_signals(char **arguments)
{
    (void)arguments;
    uint64_t mask = 0;
    if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof(mask)) < 0)
        return 2;
    if (mask != 0)
        return ACTOR_NO;
    for (int signal = 1; signal <= KERNEL_SIGNALS; signal++) {
        struct {
            uintptr_t handler; /* first in every architecture's */
            unsigned long rest[8];
        } action = {.handler = 0};
        if (syscall(SYS_rt_sigaction, signal, NULL, &action, sizeof(mask)) < 0)
            return 2;
        if (action.handler == (uintptr_t)SIG_IGN)
            return ACTOR_NO;
    }
    return YES;
}

/* It is in the foreground of its terminal. */
static int run_foreground(char **arguments)
{
    (void)arguments;
    return tcgetpgrp(STDIN_FILENO) == getpgrp() ? YES : ACTOR_NO;
}

/* It can make a directory's entry nowhere, but lives. */
static int run_readonly(char **arguments)
{
    (void)arguments;
    return mkdir("/torture", 0700) < 0 && errno == EROFS ? YES : ACTOR_NO;
}

/* What a tracer or a thief would begin with. */
static int reach(pid_t pid)
{
    static const char *const names[] = {"mem", "environ", "root/", "fd/", "auxv"};
    int reached = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        reached++;
        say("reached %s", path);
        close(fd);
    }
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
        say("traced %d", pid);
        reached++;
    }
    return reached;
}

/* spy UID: as UID it can reach its own child, and nothing of PID 1. */
static int run_spy(char **arguments)
{
    uid_t uid = (uid_t)number_of(arguments);
    if (uid != 0 && (setgid(uid) < 0 || setuid(uid) < 0))
        return 2;
    execl("/proc/self/exe", "actor", "spy-as-it-is", NULL); /* dumpable again */
    return 2;
}

static int run_spy_as_it_is(char **arguments)
{
    (void)arguments;
    pid_t child = fork();
    if (child == 0)
        wait_for_ever();
    int reached = reach(child);
    kill(child, SIGKILL);
    if (reached == 0)
        return 2; /* it can reach nobody: that it cannot reach PID 1 says nothing */
    return reach(1) == 0 ? YES : ACTOR_NO;
}

const struct actor_mode actor_probes[] = {
    {"descriptors", run_descriptors},   {"standard", run_standard},
    {"signals", run_signals},           {"foreground", run_foreground},
    {"readonly", run_readonly},         {"spy", run_spy},
    {"spy-as-it-is", run_spy_as_it_is}, {NULL, NULL},
};
