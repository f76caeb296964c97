/* Runs work that may block in a child that dies with the keeper. */
#include "host-shim/keeper/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"

#define CHILD_FD 3

void helper_say(int fd, const struct helper_report *report)
{
    (void)fd_write_all(fd, report, sizeof(*report));
}

/*
 * The child keeps nothing but the pipe: the lock of the audit log belongs to the open file, so a
 * descriptor that outlived the keeper here would keep collect from appending.
 */
static _Noreturn void run_child(const struct keeper *keeper, helper_work *work, int fd,
                                pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || (fd != CHILD_FD && dup2(fd, CHILD_FD) < 0))
        _exit(1);
    sys_close_range(CHILD_FD + 1, UINT_MAX, 0);
    fd_set_close_on_exec(CHILD_FD, true);
    work(keeper->container, CHILD_FD);
    _exit(0);
}

static void reap(struct helper *helper)
{
    event_loop_remove(&helper->keeper->loop, helper->source);
    cleanup_close(&helper->fd);
    while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    helper->pid = 0;
}

static void on_report(void *context, uint32_t events)
{
    (void)events;
    struct helper *helper = context;
    struct keeper *keeper = helper->keeper;
    struct helper_report report;
    helper_callback *callback = helper->callback;
    ssize_t count = read(helper->fd, &report, sizeof(report));
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count == (ssize_t)sizeof(report)) {
        report.error[sizeof(report.error) - 1] = '\0';
        callback(keeper, &report);
        return;
    }
    reap(helper);
    callback(keeper, NULL);
}

int helper_start(struct keeper *keeper, struct helper *helper, helper_work *work,
                 helper_callback *callback)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    cleanup_fd int reading = ends[0];
    cleanup_fd int writing = ends[1];
    fd_set_nonblocking(reading, true);
    int source = event_loop_add(&keeper->loop, reading, EPOLLIN, on_report, helper);
    if (source < 0)
        return source;
    pid_t pid = fork();
    if (pid == 0)
        run_child(keeper, work, writing, parent);
    if (pid < 0) {
        int number = errno;
        event_loop_remove(&keeper->loop, source);
        return -number;
    }
    *helper = (struct helper){.keeper = keeper,
                              .pid = pid,
                              .fd = steal_fd(&reading),
                              .source = source,
                              .callback = callback};
    return 0;
}

void helper_stop(struct helper *helper)
{
    if (helper->pid == 0)
        return;
    kill(helper->pid, SIGKILL);
    reap(helper);
}
