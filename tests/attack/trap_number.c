/*
 * A caller dies between the task runner's last look at it and its hold on the thread, and its
 * number becomes that of a bystander below the same filter, which is held then by mistake. What
 * that is in the middle of must go on as if nobody had touched it.
 */
#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/attack/trap.h"

#define BYSTANDER_UID 10001
#define CALL_STOP (SIGTRAP | 0x80)
#define LOOK_US 50
#define STEP_MS 500
/* Longer than the task runner waits for a call that it has set up. */
#define SLEEP_SECONDS 12
#define SLEPT 77

/* What the processes of an attack tell each other. */
static struct shared {
    atomic_bool is_ready; /* the bystander is where its call cannot be interrupted any more */
    atomic_bool is_hogged;
    atomic_bool is_over;
} * shared;

static pid_t runner;
static cpu_set_t one;   /* the runner's processor and ours */
static cpu_set_t other; /* the bystander's */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* The first two processors that we may use. */
static bool choose_processors(void)
{
    cpu_set_t all;
    size_t found = 0;
    CPU_ZERO(&one);
    CPU_ZERO(&other);
    if (sched_getaffinity(0, sizeof(all), &all) < 0)
        return false;
    for (int number = 0; number < CPU_SETSIZE && found < 2; number++) {
        if (CPU_ISSET((size_t)number, &all))
            CPU_SET((size_t)number, found++ == 0 ? &one : &other);
    }
    return found == 2 && sched_setaffinity(0, sizeof(one), &one) == 0 &&
           sched_setaffinity(runner, sizeof(one), &one) == 0;
}

/* The number that follows NAME in a file of PID's below /proc; -1. */
static long look_up(pid_t pid, const char *file, const char *name)
{
    char path[64];
    char line[256];
    long number = -1;
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    FILE *stream = fopen(path, "re");
    while (stream != NULL && number < 0 && fgets(line, sizeof(line), stream) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0 && strncmp(line, "running", 7) != 0)
            number = strtol(line + strlen(name), NULL, 10);
    }
    if (stream != NULL)
        fclose(stream);
    return number;
}

/* The runner's next stop, which is at the beginning or end of a system call; false: none came. The
 * signal that ends its own waits, lib/base/wait_limit.h, is handed on. */
static bool await_call(struct __ptrace_syscall_info *info)
{
    double end = now() + STEP_MS;
    int status;
    int stop = 0;
    do {
        status = 0;
        if (ptrace(PTRACE_SYSCALL, runner, NULL, (void *)(uintptr_t)stop) < 0)
            return attack_say("trace the runner");
        while (waitpid(runner, &status, __WALL | WNOHANG) == 0 && now() < end)
            usleep(LOOK_US);
        stop = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
    } while (stop == SIGRTMAX);
    if (stop != CALL_STOP)
        return attack_say("the runner made no call: status %x", (unsigned)status);
    return ptrace(PTRACE_GET_SYSCALL_INFO, runner, sizeof(*info), info) > 0;
}

/* Until the runner is about to take hold of CALLER. */
static bool await_hold(pid_t caller)
{
    struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    while (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_ptrace ||
           info.entry.args[0] != PTRACE_SEIZE || (pid_t)info.entry.args[1] != caller) {
        if (!await_call(&info))
            return false;
    }
    return true;
}

/* Until the runner has received a call: the only one there is. */
static bool await_receipt(void)
{
    struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    uint64_t entered[2] = {0, 0};
    while (info.op != PTRACE_SYSCALL_INFO_EXIT || entered[0] != SYS_ioctl ||
           (uint32_t)entered[1] != SECCOMP_IOCTL_NOTIF_RECV || info.exit.is_error != 0) {
        if (!await_call(&info))
            return false;
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            entered[0] = info.entry.nr;
            entered[1] = info.entry.args[1];
        }
    }
    return true;
}

/* Keeps the bystander from running: what wakes it up has no effect yet. */
static pid_t hog(void)
{
    const struct sched_param first = {.sched_priority = 1};
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (sched_setscheduler(0, SCHED_FIFO, &first) < 0 ||
        sched_setaffinity(0, sizeof(other), &other) < 0)
        _exit(1);
    atomic_store(&shared->is_hogged, true);
    for (double end = now() + STEP_MS; !atomic_load(&shared->is_over) && now() < end;)
        continue;
    _exit(0);
}

static void exec_whoami(void)
{
    if (sched_setaffinity(0, sizeof(other), &other) == 0)
        execve(attack_self, attack_whoami, environ);
    _exit(99);
}

/* Waits for a child that has its memory, as nothing but SIGKILL ends. */
static void wait_for_child(void)
{
    if (vfork() == 0) { // NOLINT: it is what is wanted
        atomic_store(&shared->is_ready, true);
        sleep(SLEEP_SECONDS);
        _exit(0);
    }
    _exit(SLEPT);
}

/* A process that has NUMBER and does WHAT. */
static pid_t take_number(pid_t number, void (*what)(void))
{
    const struct clone_args how = {
        .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&number, .set_tid_size = 1};
    pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
    if (pid != 0)
        return pid;
    if (setresgid(BYSTANDER_UID, BYSTANDER_UID, BYSTANDER_UID) == 0 &&
        setresuid(BYSTANDER_UID, BYSTANDER_UID, BYSTANDER_UID) == 0)
        what();
    _exit(98);
}

/* The runner stands before its hold on a caller, whose number the bystander has that does WHAT. */
static pid_t place_bystander(void (*what)(void))
{
    int status;
    *shared = (struct shared){.is_ready = false};
    if (ptrace(PTRACE_SEIZE, runner, NULL, PTRACE_O_TRACESYSGOOD) < 0 ||
        ptrace(PTRACE_INTERRUPT, runner, NULL, NULL) < 0 ||
        waitpid(runner, &status, __WALL) != runner)
        return attack_say("stop the runner") - 1;
    pid_t caller = fork();
    if (caller == 0)
        exec_whoami();
    if (!await_hold(caller) || kill(caller, SIGKILL) < 0 || attack_wait(caller) != 128 + SIGKILL)
        return attack_say("end a caller") - 1;
    pid_t bystander = take_number(caller, what);
    return bystander == caller ? bystander : attack_say("take the number %d", caller) - 1;
}

static bool await(atomic_bool *what)
{
    double end = now() + STEP_MS;
    while (!atomic_load(what) && now() < end)
        usleep(LOOK_US);
    return atomic_load(what);
}

/* Its call waits for the runner, which receives it before the hold that it has by mistake takes
 * effect. */
static bool disturb_call(void)
{
    pid_t bystander = place_bystander(exec_whoami);
    double end = now() + STEP_MS;
    while (bystander > 0 && look_up(bystander, "syscall", "") != SYS_execve && now() < end)
        usleep(LOOK_US);
    pid_t pid = hog();
    bool is_held = bystander > 0 && await(&shared->is_hogged) && await_receipt() &&
                   look_up(bystander, "status", "TracerPid:") == runner;
    ptrace(PTRACE_DETACH, runner, NULL, NULL);
    atomic_store(&shared->is_over, true);
    attack_wait(pid);
    if (!is_held)
        return attack_say("its call was not received while it was held");
    if (getenv("TOUCH") != NULL)
        kill(bystander, SIGKILL);
    int code = attack_wait(bystander);
    return code == RAN_SANDBOXED || attack_say("one whose call was received ended with %d", code);
}

/* It cannot stop for longer than the runner has patience with callers. */
static bool disturb_sleep(void)
{
    pid_t bystander = place_bystander(wait_for_child);
    bool is_ready = bystander > 0 && await(&shared->is_ready);
    ptrace(PTRACE_DETACH, runner, NULL, NULL);
    sleep(1);
    if (!is_ready || look_up(bystander, "status", "TracerPid:") != runner)
        return attack_say("it was not held");
    int code = attack_wait(bystander);
    return code == SLEPT || attack_say("one that could not stop ended with %d", code);
}

bool attack_taken_number(void)
{
    const char *number = getenv("RUNNER_PID");
    runner = number == NULL ? 0 : (pid_t)strtol(number, NULL, 10);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !choose_processors())
        return attack_say("have two processors");
    return disturb_call() && disturb_sleep();
}
