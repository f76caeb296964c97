/*
 * Starts the command from a process that shares our memory until it has executed it: a copy of that
 * memory would cost more than all the rest of its start.
 */
#include "sandbox/agent-task-sandbox/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"
#include "sandbox/confine/program.h"

#define SIGNAL_COUNT 64
/* Of the process that becomes the command; what it calls needs a few hundred bytes. */
#define STACK_SIZE (64 * 1024)

/* clang-format off */
static const struct {
    __rlimit_resource_t resource;
    size_t offset; /* of the limit in struct policy_profile */
} limits[] = {
    {.resource = RLIMIT_NPROC,  .offset = offsetof(struct policy_profile, process_limit)},
    {.resource = RLIMIT_FSIZE,  .offset = offsetof(struct policy_profile, file_size_limit)},
    {.resource = RLIMIT_NOFILE, .offset = offsetof(struct policy_profile, open_files_limit)},
};
/* clang-format on */

static int set_limits(const struct policy_profile *profile)
{
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        uint64_t value;
        struct rlimit limit;

        memcpy(&value, (const char *)profile + limits[i].offset, sizeof(value));
        if (value == 0)
            continue;
        if (getrlimit(limits[i].resource, &limit) < 0)
            return -errno;
        /* Only ever down. */
        if (limit.rlim_max > value)
            limit.rlim_max = value;
        if (limit.rlim_cur > value)
            limit.rlim_cur = value;
        if (setrlimit(limits[i].resource, &limit) < 0)
            return -errno;
    }
    return 0;
}

static int place_streams(const struct command_spec *spec)
{
    for (int i = 0; i < STREAM_COUNT; i++) {
        const struct stream *stream = &spec->streams->items[i];
        int fd = stream->is_terminal ? spec->terminal->slave : stream->fd;

        if (fd < 0)
            close(i);
        else if (dup2(fd, i) < 0)
            return -errno;
    }
    return sys_close_range(STREAM_COUNT, UINT_MAX, CLOSE_RANGE_CLOEXEC);
}

static void set_signals(uint64_t ignored)
{
    sigset_t none;

    for (int number = 1; number <= SIGNAL_COUNT; number++) {
        /* The C library refuses the two it keeps for itself; nobody ignores them on purpose. */
        if ((ignored >> (number - 1) & 1) != 0)
            (void)signal(number, SIG_IGN);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int prepare(const struct command_spec *spec)
{
    int result;

    if (setpgid(0, 0) < 0)
        return -errno;
    if (spec->terminal->slave >= 0 && tcsetpgrp(spec->terminal->slave, getpid()) < 0)
        return -errno;
    if (fchdir(spec->target->directory_fd) < 0)
        return -errno;
    result = place_streams(spec);
    if (result == 0)
        result = set_limits(spec->profile);
    if (result < 0)
        return result;
    umask(spec->umask & 0777);
    set_signals(spec->ignored_signals);
    return 0;
}

/* execvp(3) and every shell go on like this; what asked for the command would have, too. */
static void run_script(const struct command_spec *spec)
{
    size_t count = 1;
    char **arguments;

    while (spec->arguments[count - 1] != NULL && spec->arguments[count] != NULL)
        count++;
    arguments = calloc(count + 2, sizeof(*arguments));
    if (arguments == NULL)
        return;
    arguments[0] = (char *)(uintptr_t)PROGRAM_SHELL;
    arguments[1] = (char *)(uintptr_t)spec->target->called;
    memcpy(arguments + 2, spec->arguments + 1, (count - 1) * sizeof(*arguments));
    (void)sys_execve_with(PROGRAM_SHELL, arguments, spec->environment, 0);
    free(arguments);
}

static void become(const struct command_spec *spec, int report)
{
    int result = prepare(spec);

    if (result == 0) {
        result =
            sys_execve_with(spec->target->called, spec->arguments, spec->environment, spec->pass);
    }
    if (result == -ENOEXEC && spec->image->is_text)
        run_script(spec);
    (void)fd_write_all(report, &result, sizeof(result));
    _exit(EXIT_FAILURE);
}

/* A stop can keep the process from its exec for longer than the call that started it. */
struct start {
    struct command_spec spec;
    int report;
};

static int run(void *argument)
{
    const struct start *start = argument;

    become(&start->spec, start->report);
    return EXIT_FAILURE;
}

int command_start(const struct command_spec *spec, struct command *command, struct error *err)
{
    static _Alignas(16) char stack[STACK_SIZE];
    static struct start start; /* read until the outcome is known */
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return error_set(err, errno, "start the command");
    cleanup_fd int read_end = ends[0];
    cleanup_fd int write_end = ends[1];
    start = (struct start){.spec = *spec, .report = write_end};
    pid = clone(run, stack + sizeof(stack), CLONE_VM | SIGCHLD, &start);
    if (pid < 0)
        return error_set(err, errno, "start the command");
    /* As the child does: whoever is first, both find it done. */
    (void)setpgid(pid, pid);
    *command = (struct command){.pid = pid, .report = steal_fd(&read_end)};
    return 0;
}

bool command_has_outcome(const struct command *command)
{
    struct pollfd report = {.fd = command->report, .events = POLLIN};

    return poll(&report, 1, 0) != 0;
}

int command_outcome(struct command *command)
{
    int result = 0;
    ssize_t count = read(command->report, &result, sizeof(result));

    cleanup_close(&command->report);
    return count == sizeof(result) ? result : 0;
}
