/* Seizes a child, as the trap seizes a caller, and lets it go by its end. */
#include "sandbox/exec-trap/trace_probe.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Anybody but root. Having changed its user it can be traced with CAP_SYS_PTRACE alone, which is
 * what lets a process trace others that it has not started, too. */
#define OTHER_USER 1

static void be_traced(pid_t parent)
{
    if (setresgid(OTHER_USER, OTHER_USER, OTHER_USER) < 0 && errno != EPERM)
        _exit(1);
    if (setresuid(OTHER_USER, OTHER_USER, OTHER_USER) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
        getppid() != parent)
        _exit(1);
    (void)raise(SIGSTOP);
    _exit(0);
}

int trace_probe(struct error *err)
{
    pid_t parent = getpid();
    pid_t child = fork();
    int status = 0;
    int number = 0;

    if (child < 0)
        return error_set(err, errno, "start a process to trace");
    if (child == 0)
        be_traced(parent);
    if (waitpid(child, &status, WUNTRACED) == child && !WIFSTOPPED(status))
        return error_set(err, EPROTO, "become another user to be traced");
    if (ptrace(PTRACE_SEIZE, child, NULL, (void *)(uintptr_t)PTRACE_O_EXITKILL) < 0)
        number = errno;
    (void)kill(child, SIGKILL);
    while (waitpid(child, &status, 0) == child && !WIFEXITED(status) && !WIFSIGNALED(status))
        continue;
    if (number == 0)
        return 0;
    return error_set(err, number,
                     "it may not trace, and without that no command is trapped; add --cap-add "
                     "SYS_PTRACE and our seccomp profile, and see that kernel.yama.ptrace_scope is "
                     "not 3");
}
