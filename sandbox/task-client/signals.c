/* Takes, obeys and dies of signals. */
#include "sandbox/task-client/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/syscalls.h"

#define SIGNAL_EXIT_BASE 128

/* What the caller had blocked stays pending here, as it would in the command. */
int task_signals_take(void)
{
    sigset_t all;
    sigset_t before;
    sigset_t taken;
    int fd;

    sigfillset(&all);
    if (sigprocmask(SIG_BLOCK, &all, &before) < 0)
        return -errno;
    sigemptyset(&taken);
    for (int signal = 1; signal < NSIG; signal++) {
        if (sigismember(&all, signal) == 1 && sigismember(&before, signal) == 0)
            sigaddset(&taken, signal);
    }
    fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* The program this one stands for may have had children before it; the kernel tells of them with
 * codes above zero. */
bool task_signals_is_forwarded(const struct signalfd_siginfo *info)
{
    return info->ssi_signo != SIGCHLD || info->ssi_code <= 0;
}

static bool is_of_terminal(int signal)
{
    return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

void task_signals_stop(int signal, bool is_group)
{
    const struct timespec now = {.tv_sec = 0};
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t one;
    sigset_t before;

    (void)sigaction(signal, &action, NULL);
    /* SIGCONT, pending when this process runs again, has done its work by then. */
    if (is_group && is_of_terminal(signal))
        kill(0, signal);
    else
        raise(signal);
    sigemptyset(&one);
    sigaddset(&one, signal);
    sigprocmask(SIG_UNBLOCK, &one, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    sigemptyset(&one);
    sigaddset(&one, SIGCONT);
    (void)sigtimedwait(&one, NULL, &now);
}

/* RLIMIT_CORE does not keep a piped core_pattern from running (core(5)); this does. */
void task_signals_die(int signal)
{
    sigset_t none;

    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    sys_reset_signal_dispositions();
    raise(signal);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(SIGNAL_EXIT_BASE + signal);
}
