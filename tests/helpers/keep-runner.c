/*
 * keep-runner KILLS[:OWED] MARK COMMAND...: runs the task runner as PID 1 does, with what it stored
 * given back to the next one, and kills it so often as soon as it has calls that it owes an answer,
 * OWED of them if that is said. Says of each end how many of its callers waited, and makes the file
 * MARK after the last.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/unix_message.h"
#include "lib/wire/init_protocol.h"

#define JOURNAL INIT_RUN_DIRECTORY "/runner-calls"
#define ENTRY_SIZE 128
#define ENTRIES 1024
/* Of one that lives before it is killed, in milliseconds. */
#define LIFE_LEAST 20
#define LIFE_MOST 80

static struct {
    volatile pid_t pid;
    int notify;
    int stored; /* the listener; -1: none */
    bool is_ready;
} runner = {.stored = -1, .notify = -1};

/* How many of the runner's journal still wait. */
static unsigned count_owed(void)
{
    static union {
        uint64_t id;
        char room[ENTRY_SIZE];
    } entries[ENTRIES];
    unsigned count = 0;
    cleanup_fd int fd = open(JOURNAL, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, entries, sizeof(entries)) != sizeof(entries))
        return 0;
    for (size_t i = 0; i < ENTRIES; i++) {
        uint64_t id = entries[i].id;
        count += id != 0 && ioctl(runner.stored, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
    }
    return count;
}

static void become(char **command, int notify)
{
    int stored = runner.stored < 0 ? -1 : fcntl(runner.stored, F_DUPFD, INIT_STORE_FD + 1);
    int told = fcntl(notify, F_DUPFD, INIT_STORE_FD + 1);
    dup2(told, INIT_NOTIFY_FD);
    setenv(INIT_NOTIFY_VARIABLE, "3", 1);
    if (stored >= 0) {
        dup2(stored, INIT_STORE_FD);
        setenv(INIT_STORE_VARIABLE, "listener", 1);
    }
    execv(command[0], command);
    _exit(127);
}

static int start(char **command)
{
    int ends[2];
    cleanup_close(&runner.notify);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    runner.is_ready = false;
    runner.notify = ends[0];
    runner.pid = fork();
    if (runner.pid == 0)
        become(command, ends[1]);
    close(ends[1]);
    return runner.pid;
}

static void hear(void)
{
    struct init_notice notice = {.word = ""};
    struct unix_fds fds = {.count = 0};
    if (unix_message_receive(runner.notify, &notice, sizeof(notice), &fds) <= 0)
        return;
    runner.is_ready |= strcmp(notice.word, INIT_NOTICE_READY) == 0;
    if (strcmp(notice.word, INIT_NOTICE_STORE) == 0 ||
        strcmp(notice.word, INIT_NOTICE_REMOVE) == 0) {
        cleanup_close(&runner.stored);
        runner.stored = unix_fds_take(&fds, 0);
    }
    unix_fds_close(&fds);
}

/* Hears what the runner says for so many milliseconds. */
static void listen_for(int ms)
{
    while (ms-- > 0) {
        struct pollfd said = {.fd = runner.notify, .events = POLLIN};
        if (poll(&said, 1, 1) > 0 && (said.revents & POLLIN) != 0)
            hear();
    }
}

/* Its callers are asked for before there is another one. */
static void bury(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        fprintf(stderr, "keep-runner: killed, %u calls waited\n", count_owed());
    else
        fprintf(stderr, "keep-runner: ended by itself, status %d\n", status);
}

/* A death signal would not do: the kernel forgets that of who changes its identity. */
static void end(int number)
{
    (void)number;
    kill(runner.pid, SIGKILL);
    _exit(0);
}

int main(int argc, char **argv)
{
    const struct sigaction ending = {.sa_handler = end};
    char *rest = NULL;
    long kills = argc > 3 ? strtol(argv[1], &rest, 10) : 0;
    unsigned long owed = rest != NULL && *rest == ':' ? strtoul(rest + 1, NULL, 10) : 0;
    bool is_marked = false;
    sigaction(SIGTERM, &ending, NULL);
    if (argc < 4 || start(argv + 3) < 0)
        return 2;
    for (;;) {
        int status = 0;
        listen_for(LIFE_LEAST + (int)(random() % (LIFE_MOST - LIFE_LEAST)));
        bool is_up = runner.is_ready && runner.stored >= 0;
        if (is_up && kills == 0 && !is_marked)
            is_marked = close(open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) == 0;
        if (is_up && kills > 0 && (owed == 0 || count_owed() >= owed)) {
            kills--;
            kill(runner.pid, SIGKILL);
            waitpid(runner.pid, &status, 0);
        } else if (waitpid(runner.pid, &status, WNOHANG) == 0) {
            continue;
        }
        bury(status);
        if (start(argv + 3) < 0)
            return 2;
    }
}
