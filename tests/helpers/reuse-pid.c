/*
 * reuse-pid [--touch] RUNNER UID COMMAND...: kills callers of the task runner in the middle of its
 * work, and gives their numbers to others. For each system call that the runner makes from the
 * notification of a call on, beginning and end: stops it there, kills the caller, starts a
 * bystander with its number, and lets the runner go on. COMMAND makes a trapped call for each byte
 * it reads, and says its number, then its end. The bystander must not notice anything, and then, as
 * the relay that its number may have a ticket for, must be refused. --touch: kills it as one would
 * who goes by numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
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
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/wire/task_protocol.h"

#ifdef SYS_epoll_wait
#define WAIT SYS_epoll_wait
#else
#define WAIT SYS_epoll_pwait
#endif
#define CALL_STOP (SIGTRAP | 0x80)
#define RAN_SANDBOXED 41
#define RELAY_REFUSED 126
#define NOTICED 77
#define SETTLE_US 4000
#define LOOK_US 20
#define ROUND_MS 5000

static struct {
    pid_t runner;
    uid_t uid;
    bool is_touching;
    int to;     /* COMMAND's standard input */
    FILE *from; /* and output */
} set;

/* One call. */
struct round {
    pid_t caller;
    int code;  /* -1: it has not ended */
    long left; /* stops until it is killed */
    bool is_received;
    bool is_killed;
    uint64_t entered[2]; /* number and second argument of the call that the runner is in */
};

static unsigned long reused;
static unsigned long held; /* of them, kept for a while by the runner, which traced them */

static bool say(const char *what, long number)
{
    printf("%s: %ld (%s)\n", what, number, strerror(errno));
    return false;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* A number that COMMAND says within so many milliseconds; -1. */
static int hear(int ms)
{
    int number = -1;
    struct pollfd said = {.fd = fileno(set.from), .events = POLLIN};
    if (poll(&said, 1, ms) <= 0 || fscanf(set.from, "%d", &number) != 1)
        return -1;
    (void)fgetc(set.from);
    return number;
}

static void stand_by(int go) __attribute__((noreturn));
static void stand_by(int go)
{
    char byte;
    sigset_t mask;
    char *const relay[] = {(char[]){"whoami"}, NULL};
    if (setresgid(set.uid, set.uid, set.uid) < 0 || setresuid(set.uid, set.uid, set.uid) < 0 ||
        read(go, &byte, 1) != 1 || sigprocmask(SIG_BLOCK, NULL, &mask) < 0)
        _exit(NOTICED);
    for (int number = 1; number < 32; number++) {
        if (sigismember(&mask, number) == 1)
            _exit(NOTICED);
    }
    dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO);
    execv(TASK_RELAY, relay);
    _exit(NOTICED);
}

/* A process with that number. Its pid, or -1. */
static pid_t start_bystander(pid_t number, int *go)
{
    int ends[2];
    const struct clone_args how = {
        .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&number, .set_tid_size = 1};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof(how));
    if (pid == 0)
        stand_by(ends[0]);
    close(ends[0]);
    *go = ends[1];
    return pid;
}

/* Traced by nobody, and asleep where it was. */
static bool is_left_alone(pid_t pid)
{
    char path[64];
    char line[256];
    bool is_alone = true;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *status = fopen(path, "re");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if ((strncmp(line, "TracerPid:", 10) == 0 && strtol(line + 10, NULL, 10) != 0) ||
            (strncmp(line, "State:", 6) == 0 && strchr(line + 6, 'S') == NULL))
            is_alone = false;
    }
    if (status != NULL)
        fclose(status);
    return status != NULL && is_alone;
}

/* A runner that was stopped between its look and its hold has it for a moment, sees that, and lets
 * it go. */
static bool is_soon_left_alone(pid_t pid)
{
    double end = now() + ROUND_MS;
    while (!is_left_alone(pid) && now() < end)
        usleep(SETTLE_US);
    return is_left_alone(pid);
}

/* The first word of a file of PID's below /proc. */
static void look_up(pid_t pid, const char *name, char word[32])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "re");
    word[0] = '\0';
    if (file != NULL && fscanf(file, "%31s", word) != 1)
        word[0] = '\0';
    if (file != NULL)
        fclose(file);
}

/* Until the runner has nothing to do, a few times in a row. */
static void await_idle(void)
{
    double end = now() + ROUND_MS;
    for (int count = 0; count < 3 && now() < end;) {
        char number[32];
        look_up(set.runner, "syscall", number);
        long call = strtol(number, NULL, 10);
        count = number[0] != '\0' && (call == SYS_epoll_pwait || call == WAIT) ? count + 1 : 0;
        usleep(SETTLE_US / 8);
    }
}

/* Until the bystander has become the relay. */
static void await_relay(pid_t pid)
{
    double end = now() + ROUND_MS;
    char name[32] = "";
    while (strncmp(name, "agent-exec", 10) != 0 && now() < end) {
        look_up(pid, "comm", name);
        usleep(LOOK_US);
    }
}

/* In the runner's next loop, or before it goes on at all. */
static bool swap(const struct round *round, bool is_hurried)
{
    int status = 0;
    cleanup_fd int go = -1;
    pid_t bystander = start_bystander(round->caller, &go);
    if (bystander != round->caller)
        return say("take the number of a caller", round->caller);
    reused++;
    if (is_hurried) {
        (void)!write(go, "", 1);
        await_relay(bystander);
        usleep(SETTLE_US);
    }
    if (ptrace(PTRACE_DETACH, set.runner, NULL, NULL) < 0)
        return say("let the runner go on", set.runner);
    await_idle();
    if (set.is_touching)
        kill(bystander, SIGKILL);
    bool is_alone = is_hurried || is_soon_left_alone(bystander);
    (void)!write(go, "", 1);
    if (waitpid(bystander, &status, 0) != bystander || !WIFEXITED(status) ||
        WEXITSTATUS(status) != RELAY_REFUSED)
        return say("the bystander ended with status", status);
    return is_alone || say("the bystander was stopped or traced", bystander);
}

/* The runner has stopped at the beginning or end of a system call. */
static void look(struct round *round)
{
    struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    ptrace(PTRACE_GET_SYSCALL_INFO, set.runner, sizeof(info), &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        round->entered[0] = info.entry.nr;
        round->entered[1] = info.entry.args[1];
    }
    round->is_received |= info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.is_error == 0 &&
                          round->entered[0] == SYS_ioctl &&
                          (uint32_t)round->entered[1] == SECCOMP_IOCTL_NOTIF_RECV;
    if (!round->is_received || round->is_killed || round->code >= 0 || round->left-- > 0)
        return;
    round->is_killed = true;
    kill(round->caller, SIGKILL);
    round->code = hear(2);
    held += round->code < 0;
}

/* Until the runner stops, which it does unasked only at a system call; its status. */
static int await_stop(struct round *round, double end)
{
    int status = 0;
    while (waitpid(set.runner, &status, __WALL | WNOHANG) == 0 && round->code < 0 && now() < end) {
        round->code = hear(0);
        usleep(LOOK_US);
    }
    if (status != 0)
        return status;
    ptrace(PTRACE_INTERRUPT, set.runner, NULL, NULL);
    waitpid(set.runner, &status, __WALL);
    return status;
}

/* Until the caller has ended, in whatever way; the runner is stopped then. */
static bool follow(struct round *round)
{
    double end = now() + ROUND_MS;
    int signal = 0; /* of its own, which ends its waits: lib/base/wait_limit.h */
    while (round->code < 0 && now() < end) {
        if (ptrace(PTRACE_SYSCALL, set.runner, NULL, (void *)(uintptr_t)signal) < 0)
            return say("trace the runner", set.runner);
        int status = await_stop(round, end);
        if (!WIFSTOPPED(status))
            return say("the runner ended with status", status);
        bool is_call = WSTOPSIG(status) == CALL_STOP;
        signal = is_call || status >> 16 != 0 ? 0 : WSTOPSIG(status);
        if (is_call && status >> 16 == 0)
            look(round);
        if (round->code < 0 && round->is_killed)
            round->code = hear(0);
    }
    return round->code >= 0 || say("a caller did not end", round->caller);
}

static bool begin(struct round *round)
{
    int status;
    if (ptrace(PTRACE_SEIZE, set.runner, NULL, PTRACE_O_TRACESYSGOOD) < 0 ||
        ptrace(PTRACE_INTERRUPT, set.runner, NULL, NULL) < 0 ||
        waitpid(set.runner, &status, __WALL) != set.runner)
        return say("seize the runner", set.runner);
    if (write(set.to, "", 1) != 1)
        return say("ask for a call", 1);
    round->caller = hear(ROUND_MS);
    return round->caller > 0 || say("hear of a call", round->caller);
}

/* *IS_OVER: the caller's command ran before the runner had made so many system calls. */
static bool try_at(long step, bool is_hurried, bool *is_over)
{
    struct round round = {.code = -1, .left = step};
    if (!begin(&round) || !follow(&round))
        return false;
    if (round.is_killed && round.code != RAN_SANDBOXED)
        return swap(&round, is_hurried);
    *is_over = true;
    ptrace(PTRACE_DETACH, set.runner, NULL, NULL);
    return round.code == RAN_SANDBOXED ||
           say("a call that nobody disturbed ended with", round.code);
}

static bool start(char **command)
{
    int to[2];
    int from[2];
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
        return say("make pipes", 0);
    if (fork() == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execv(command[0], command);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    set.to = to[1];
    set.from = fdopen(from[0], "re");
    if (set.from != NULL) /* poll(2) knows of no buffer */
        setvbuf(set.from, NULL, _IONBF, 0);
    return set.from != NULL && hear(ROUND_MS) == 0;
}

/* The second time the bystander hurries. */
static bool try_all(int pass)
{
    bool is_over = false;
    long step = 0;
    bool is_well = true;
    for (; is_well && !is_over; step++)
        is_well = try_at(step, pass == 1, &is_over);
    if (is_well)
        printf("pass %d: %ld steps, %lu numbers reused, %lu of them held\n", pass, step - 1, reused,
               held);
    else
        printf("pass %d, step %ld\n", pass, step - 1);
    return is_well;
}

int main(int argc, char **argv)
{
    set.is_touching = argc > 1 && strcmp(argv[1], "--touch") == 0;
    char **rest = argv + 1 + set.is_touching;
    if (argc < 4 + set.is_touching)
        return 2;
    set.runner = (pid_t)strtol(rest[0], NULL, 10);
    set.uid = (uid_t)strtoul(rest[1], NULL, 10);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN); /* a bystander that is gone is judged by its end */
    if (!start(rest + 2))
        return 2;
    for (int pass = 0; pass < 2; pass++) {
        if (!try_all(pass))
            return 1;
    }
    return 0;
}
