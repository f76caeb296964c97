/*
 * Kills a program at an exact point of its work: runs COMMAND, and kills it before one of the
 * system calls that follow the moment at which PATH has changed.
 *
 *     kill-after PATH CALLS COMMAND [ARGUMENT]...
 *
 * The kill comes CALLS system calls after that; PATH "" has changed from the start on. Only the
 * program itself is followed and killed: what it started goes on by itself. 0: killed there. 1: it
 * ended before.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

struct aim {
    const char *path;
    struct timespec before; /* when the file was changed last before it began */
    long calls;
    bool has_changed;
};

static struct timespec changed_at(const char *path)
{
    struct stat status = {.st_ctim = {.tv_sec = 0}};
    (void)stat(path, &status); /* not there: never changed */
    return status.st_ctim;
}

/* At a system call's entry or exit. True when the moment has come. */
static bool is_there(struct aim *aim)
{
    if (!aim->has_changed) {
        struct timespec now = changed_at(aim->path);
        aim->has_changed = aim->path[0] == '\0' || now.tv_sec != aim->before.tv_sec ||
                           now.tv_nsec != aim->before.tv_nsec;
    }
    return aim->has_changed && aim->calls-- <= 0;
}

/* True when PID, which stands still, was killed where it was aimed at. */
static bool follow(struct aim *aim, pid_t pid)
{
    int status;
    int signal = 0;
    while (ptrace(PTRACE_SYSCALL, pid, 0, signal) == 0 && waitpid(pid, &status, 0) == pid &&
           WIFSTOPPED(status)) {
        bool is_call = WSTOPSIG(status) == SYSCALL_STOP;
        if (is_call && is_there(aim))
            return kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid;
        signal = is_call || status >> 16 != 0 ? 0 : WSTOPSIG(status);
    }
    return false;
}

int main(int argc, char **argv)
{
    int status;
    if (argc < 4)
        return 2;
    struct aim aim = {
        .path = argv[1], .before = changed_at(argv[1]), .calls = strtol(argv[2], NULL, 10)};
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execvp(argv[3], argv + 3);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC) < 0)
        return 2;
    return follow(&aim, pid) ? 0 : 1;
}
