/* A timer whose signal ends a wait and does nothing else. */
#include "lib/base/wait_limit.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Longer than a round of a loop takes; then often, for one may close many descriptors in turn. */
#define FIRST_NS 20000000
#define EACH_NS 1000000

static timer_t timer;
static bool is_open;
static bool is_shared;

/* What somebody sent goes back to be taken where it is blocked; the round goes on without a limit.
 */
static void wake(int signal, siginfo_t *info, void *context)
{
    int number = errno;
    if (is_shared && info->si_code != SI_TIMER) {
        sigaddset(&((ucontext_t *)context)->uc_sigmask, signal);
        (void)syscall(SYS_rt_sigqueueinfo, getpid(), signal, info);
    }
    errno = number;
}

static int unblock(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMAX);
    return sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int wait_limit_open(bool shares_signal)
{
    struct sigaction action = {.sa_sigaction = wake, .sa_flags = SA_RESTART | SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMAX};
    if (sigaction(SIGRTMAX, &action, NULL) < 0 || unblock() < 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
        return -errno;
    is_open = true;
    is_shared = shares_signal;
    return 0;
}

/* A child has no such timer: EINVAL, and nothing is limited there. */
static void arm(const struct itimerspec *when)
{
    if (is_open)
        (void)timer_settime(timer, 0, when, NULL);
}

void wait_limit_set(void)
{
    if (is_shared)
        (void)unblock();
    arm(&(struct itimerspec){.it_value = {.tv_nsec = FIRST_NS},
                             .it_interval = {.tv_nsec = EACH_NS}});
}

void wait_limit_lift(void)
{
    arm(&(struct itimerspec){.it_value = {.tv_nsec = 0}});
}
