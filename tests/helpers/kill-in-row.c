/*
 * Kills a container at an exact point of its boot or shutdown: follows agent-boot's system calls
 * from outside, and kills PID 1 before the next one. A row begins when the report of the one before
 * it is said, and ends when its own is about to be.
 *
 *     kill-in-row CGROUP.PROCS TEXT CALLS MICROSECONDS [COMMAND [ARGUMENT]...]
 *     kill-in-row CGROUP.PROCS --each COMMAND [ARGUMENT]...
 *
 * TEXT begins the line with which the row begins; "" is agent-boot's start. The kill comes CALLS
 * system calls later, or when MICROSECONDS have passed, or before the row's own report, whichever
 * is first. With COMMAND nobody is killed there: the command runs while agent-boot stands still,
 * or waits for others when it is the time that has passed. With --each nobody is killed either: the
 * command runs before each report, with that as its last argument, until agent-boot ends.
 * 0: killed there, or the command ended with it. 1: agent-boot ended before, or another failure.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEARCH_SECONDS 60
#define TEXT_SIZE 32
#define SYSCALL_STOP (SIGTRAP | 0x80)

static volatile sig_atomic_t is_time_over;

static void note_alarm(int number)
{
    (void)number;
    is_time_over = 1;
}

/* Repeating: one that comes just before waitpid(2) must not be the last. */
static void arm(long microseconds)
{
    const struct itimerval timer = {
        .it_value = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000},
        .it_interval = {.tv_usec = 1000},
    };
    is_time_over = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
}

static bool has_name(int pid, const char *name)
{
    char path[64];
    char comm[TEXT_SIZE] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool is_read = fgets(comm, sizeof(comm), file) != NULL;
    fclose(file);
    comm[strcspn(comm, "\n")] = '\0';
    return is_read && strcmp(comm, name) == 0;
}

/* The process of the control group that is called NAME; 0 when there is none. */
static int find(const char *procs, const char *name)
{
    int found = 0;
    char line[TEXT_SIZE];
    FILE *file = fopen(procs, "re");
    while (file != NULL && found == 0 && fgets(line, sizeof(line), file) != NULL) {
        int pid = (int)strtol(line, NULL, 10);
        found = has_name(pid, name) ? pid : 0;
    }
    if (file != NULL)
        fclose(file);
    return found;
}

/* A child of agent-boot has its name as well until it becomes another program. */
static bool is_of_first(int pid)
{
    char path[64];
    int parent = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool is_read = fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1;
    fclose(file);
    return is_read && has_name(parent, "agent-init");
}

static int await(const char *procs, const char *name)
{
    int pid = 0;
    arm(SEARCH_SECONDS * 1000000L);
    while (!is_time_over && (pid == 0 || !is_of_first(pid)))
        pid = find(procs, name);
    return pid;
}

/* What PID is about to say on its standard error, where a line is tried as for a socket first; ""
 * when it is about to do something else. */
static void read_report(int pid, char text[TEXT_SIZE])
{
    struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    text[0] = '\0';
    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_sendto ||
        info.entry.args[0] != STDERR_FILENO)
        return;
    size_t size = info.entry.args[2] < TEXT_SIZE - 1 ? info.entry.args[2] : TEXT_SIZE - 1;
    struct iovec local = {.iov_base = text, .iov_len = size};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)info.entry.args[1], .iov_len = size};
    ssize_t count = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    text[count < 0 ? 0 : count] = '\0';
}

struct aim {
    const char *text;
    long calls;
    long microseconds;
    bool is_in_row;
    char **each;    /* a command for every report, NULL: none; with a place for the report */
    int each_count; /* of its words without that */
    bool has_failed;
};

static int run_beside(char **command)
{
    int status;
    arm(0);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid < 0 || status != 0;
}

/* At a system call's entry or exit. True when the moment has come. */
static bool is_there(struct aim *aim, int pid)
{
    char text[TEXT_SIZE];
    read_report(pid, text);
    /* Lines that do not begin so report no row. */
    bool is_report = strncmp(text, "  ", 2) == 0 || strncmp(text, "boot finished", 13) == 0;
    if (aim->each != NULL) {
        if (is_report) {
            aim->each[aim->each_count] = text;
            aim->has_failed |= run_beside(aim->each) != 0;
        }
        return false;
    }
    if (aim->is_in_row)
        return is_report || aim->calls-- <= 0;
    if (is_report && strncmp(text, aim->text, strlen(aim->text)) == 0) {
        aim->is_in_row = true;
        arm(aim->microseconds);
    }
    return false;
}

/* True when PID, which is traced and stopped, was brought to where it is aimed at. */
static bool follow(struct aim *aim, int pid)
{
    int signal = 0;
    for (;;) {
        int status;
        if (ptrace(PTRACE_SYSCALL, pid, 0, signal) < 0)
            return false;
        pid_t waited;
        while ((waited = waitpid(pid, &status, __WALL)) < 0 && errno == EINTR && !is_time_over)
            ;
        if (waited < 0)
            return aim->is_in_row && errno == EINTR;
        if (!WIFSTOPPED(status))
            return false;
        bool is_call = WSTOPSIG(status) == SYSCALL_STOP;
        if (is_call && is_there(aim, pid))
            return true;
        signal = is_call || status >> 16 != 0 ? 0 : WSTOPSIG(status);
    }
}

/* BOOT, which dies with its PID 1, would run on if it were let go before it is dead. */
static int kill_first(int first, int boot)
{
    if (kill(first, SIGKILL) < 0)
        return 1;
    while (waitpid(boot, NULL, __WALL) < 0 && errno == EINTR)
        ;
    return 0;
}

/* agent-boot, standing still; 0: there is none. */
static int seize(const char *procs)
{
    int pid = await(procs, "agent-boot");
    if (pid == 0 || ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) < 0 ||
        ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 || waitpid(pid, NULL, __WALL) < 0)
        return 0;
    return pid;
}

static int run_at_each(const char *procs, int count, char **command)
{
    /* In place of the option, so that there is room for the report behind the last word. */
    memmove(command - 1, command, (size_t)count * sizeof(*command));
    command[count] = NULL;
    struct aim aim = {.each = command - 1, .each_count = count};
    int pid = seize(procs);
    if (pid == 0)
        return 1;
    (void)follow(&aim, pid);
    return aim.has_failed;
}

int main(int argc, char **argv)
{
    const struct sigaction alarm_action = {.sa_handler = note_alarm};
    sigaction(SIGALRM, &alarm_action, NULL);
    /* agent-boot must not be over before this is on a processor. */
    setpriority(PRIO_PROCESS, 0, -20);
    if (argc > 3 && strcmp(argv[2], "--each") == 0)
        return run_at_each(argv[1], argc - 3, argv + 3);
    if (argc < 5)
        return 2;
    struct aim aim = {.text = argv[2],
                      .calls = strtol(argv[3], NULL, 10),
                      .microseconds = strtol(argv[4], NULL, 10)};
    int pid = seize(argv[1]);
    int first = find(argv[1], "agent-init");
    if (pid == 0 || first == 0)
        return 1;
    aim.is_in_row = aim.text[0] == '\0';
    arm(aim.is_in_row ? aim.microseconds : SEARCH_SECONDS * 1000000L);
    if (!follow(&aim, pid))
        return 1;
    return argc > 5 ? run_beside(argv + 5) : kill_first(first, pid);
}
