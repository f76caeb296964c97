/* vfork by clone(2) with a pidfd: the child borrows our memory until exec, so it reports errors
 * through it. */
#include "lib/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/capability.h"
#include "lib/base/diagnostic.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"

/* Deep enough for the path search of execvpe, which keeps a path of PATH_MAX on the stack. */
#define SPAWN_STACK_SIZE 16384

struct start {
    const struct spawn_spec *spec;
    pid_t foreground; /* the group that must hold the terminal if the child is to get it */
    const char *step; /* what the child was doing when it failed */
    int error;
};

/* First copied above all of them, for one's place may be another's number. */
static int place_descriptors(const struct spawn_spec *spec)
{
    int copies[SPAWN_FDS_MAX];
    for (uint32_t i = 0; i < spec->fd_count; i++) {
        copies[i] = fcntl(spec->fds[i], F_DUPFD_CLOEXEC, SPAWN_FIRST_FD + (int)spec->fd_count);
        if (copies[i] < 0)
            return -errno;
    }
    for (uint32_t i = 0; i < spec->fd_count; i++) {
        if (dup2(copies[i], SPAWN_FIRST_FD + (int)i) < 0)
            return -errno;
    }
    if ((spec->flags & SPAWN_NULL_INPUT) == 0)
        return 0;
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ? -errno : 0;
}

/* Errors are dropped: no terminal, or one that is not ours to give, is the usual case. */
static void place_terminal(const struct start *start)
{
    if (start->spec->flags & SPAWN_SESSION)
        setsid();
    if ((start->spec->flags & SPAWN_TERMINAL) == 0)
        return;
    setpgid(0, 0);
    if (tcgetpgrp(STDIN_FILENO) == start->foreground)
        tcsetpgrp(STDIN_FILENO, getpid());
}

/* The caller may hold what its children need as permitted only; SETPCAP is raised to shrink the
 * bounding set. */
static int limit_capabilities(uint64_t mask)
{
    struct capability_sets sets;
    int result = capability_get(&sets);
    if (result < 0)
        return result;
    result = capability_set_effective(sets.permitted & (CAPABILITY_BIT(CAP_SETPCAP)));
    return result < 0 ? result : capability_limit(mask);
}

static int prepare(struct start *start)
{
    const struct spawn_spec *spec = start->spec;
    start->step = "cannot place the descriptors of '";
    int result = place_descriptors(spec);
    if (result < 0)
        return result;
    start->step = "cannot change to / for '";
    if ((spec->flags & SPAWN_ROOT_DIRECTORY) != 0 && chdir("/") < 0)
        return -errno;
    place_terminal(start);
    start->step = "cannot limit the capabilities of '";
    return spec->flags & SPAWN_LIMIT ? limit_capabilities(spec->capabilities) : 0;
}

static int run_child(void *context)
{
    struct start *start = context;
    start->error = -prepare(start);
    if (start->error == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        start->step = "cannot run '";
        /* execve(2) leaves the strings alone; its prototype is older than const. */
        execvpe(start->spec->argv[0], (char *const *)(uintptr_t)start->spec->argv,
                (char *const *)(uintptr_t)start->spec->environment);
        start->error = errno;
    }
    _exit(start->error == ENOENT ? 127 : 126);
}

int spawn(const struct spawn_spec *spec, struct child *child)
{
    /* Not on our own stack: it would be cleared anew each time. One child starts at a time. */
    static char stack[SPAWN_STACK_SIZE] __attribute__((aligned(16)));
    struct start start = {.spec = spec, .foreground = getpgrp()};
    int pidfd = -1;
    int pid = clone(run_child, stack + sizeof(stack),
                    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &start, &pidfd);
    if (pid < 0)
        return -errno;
    *child = (struct child){.pid = pid, .pidfd = pidfd, .source = -1};
    if (start.error != 0)
        diagnostic_say(start.step, spec->argv[0], "': ", strerror(start.error), NULL);
    return 0;
}

void child_signal(const struct child *child, int signal)
{
    if (child->pid == 0)
        return;
    /* A filter may refuse the call (ENOSYS, EPERM); the pid is as good, for only we can free it by
     * reaping. */
    int result = sys_pidfd_send_signal(child->pidfd, signal, 0);
    if (result < 0 && result != -ESRCH)
        kill(child->pid, signal);
}
