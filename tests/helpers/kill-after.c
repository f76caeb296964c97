/*
 * Kills a program at an exact point of its work: runs COMMAND, or finds a process that runs, and
 * kills it before one of the system calls that follow the moment at which PATH has changed.
 *
 *     kill-after PATH CALLS COMMAND [ARGUMENT]...
 *     kill-after PATH CALLS --found TEXT [PID]
 *
 * The kill comes CALLS system calls after that; PATH "" has changed from the start on. Only the
 * program itself is followed and killed: what it started goes on by itself. TEXT is in the command
 * line of the process that is found, its arguments with a space between them; with PID that one is
 * killed in its place, while it stands still. 0: killed there. 1: it ended before.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)
#define SEARCH_SECONDS 60

struct aim {
    const char *path;
    struct timespec before; /* when the file was changed last before it began */
    long calls;
    bool has_changed;
    pid_t victim; /* 0: the process that is followed */
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

/* PID, which stands still, is not let go before the victim is dead. */
static bool kill_there(const struct aim *aim, pid_t pid)
{
    int status;
    if (kill(aim->victim != 0 ? aim->victim : pid, SIGKILL) < 0)
        return false;
    /* One that goes with the victim goes as it stands. */
    while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
        ;
    return true;
}

/* True when PID, which stands still, was brought to where it is aimed at. */
static bool follow(struct aim *aim, pid_t pid)
{
    int status;
    int signal = 0;
    while (ptrace(PTRACE_SYSCALL, pid, 0, signal) == 0 && waitpid(pid, &status, __WALL) == pid &&
           WIFSTOPPED(status)) {
        bool is_call = WSTOPSIG(status) == SYSCALL_STOP;
        if (is_call && is_there(aim))
            return kill_there(aim, pid);
        signal = is_call || status >> 16 != 0 ? 0 : WSTOPSIG(status);
    }
    return false;
}

static bool has_text(const char *name, const char *text)
{
    char path[288];
    char line[4096];
    snprintf(path, sizeof(path), "/proc/%s/cmdline", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    if (fd >= 0)
        close(fd);
    if (count <= 0)
        return false;
    line[count] = '\0';
    for (ssize_t i = 0; i < count - 1; i++)
        if (line[i] == '\0')
            line[i] = ' ';
    return strstr(line, text) != NULL;
}

/* The process with TEXT in its command line, but for this one; 0: there is none. */
static pid_t find(const char *text)
{
    pid_t found = 0;
    const struct dirent *entry;
    DIR *directory = opendir("/proc");
    while (directory != NULL && found == 0 && (entry = readdir(directory)) != NULL) {
        pid_t pid =
            isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        if (pid > 0 && pid != getpid() && has_text(entry->d_name, text))
            found = pid;
    }
    if (directory != NULL)
        closedir(directory);
    return found;
}

static int follow_found(struct aim *aim, const char *text)
{
    int status;
    pid_t pid = 0;
    const time_t end = time(NULL) + SEARCH_SECONDS;
    /* It must not be over before this is on a processor. */
    setpriority(PRIO_PROCESS, 0, -20);
    while (pid == 0 && time(NULL) < end)
        pid = find(text);
    if (pid == 0 || ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) < 0 ||
        ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 || waitpid(pid, &status, __WALL) != pid ||
        !WIFSTOPPED(status))
        return 1;
    return follow(aim, pid) ? 0 : 1;
}

static int follow_command(struct aim *aim, char **command)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execvp(command[0], command);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC) < 0)
        return 2;
    return follow(aim, pid) ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    struct aim aim = {
        .path = argv[1], .before = changed_at(argv[1]), .calls = strtol(argv[2], NULL, 10)};
    if (strcmp(argv[3], "--found") != 0)
        return follow_command(&aim, argv + 3);
    if (argc < 5)
        return 2;
    aim.victim = argc > 5 ? (pid_t)strtol(argv[5], NULL, 10) : 0;
    return follow_found(&aim, argv[4]);
}
