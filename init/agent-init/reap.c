/* Reaping whatever dies, and reaching everything that lives. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init/agent-init/init.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

/* Reaped before the loop looks at its other sources: twenty thousand orphans must not delay a TERM.
 */
#define REAP_BATCH 256
/* A look for a dead child that takes this long of the cpu went past thousands that live. Then the
 * next one is so many times as long away, or a burst of deaths would cost such a walk for each. */
#define WALK_NS 50000
#define WALK_REST 10
#define REST_NS_MAX (10 * CLOCK_NANOSECONDS_PER_MILLISECOND)
/* In a row while somebody is dead: more would only delay, for those who live stay. */
#define RESTS_MAX 32
#define REAP_RETRY_MS 100

/* The wake is all: reaping follows each round of the loop. */
static void wake(void *context, uint32_t events)
{
    (void)context;
    (void)events;
}

static void wake_for_timer(void *context)
{
    (void)context;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * CLOCK_NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* True when we rest after a look, the last since the round began at CPU_START_NS, took WALK_NS. */
static bool is_resting(struct init *init, uint64_t cpu_start_ns, uint64_t walk_ns, bool was_vain)
{
    init->rests = was_vain ? 0 : init->rests;
    /* The time that others had the cpu is no walk of ours. */
    if (walk_ns < WALK_NS || init->rests == RESTS_MAX || cpu_ns() - cpu_start_ns < WALK_NS)
        return false;
    uint64_t pause = walk_ns < REST_NS_MAX / WALK_REST ? walk_ns * WALK_REST : REST_NS_MAX;
    init->rests++;
    init->rest_ns = clock_monotonic_ns() + pause;
    event_loop_set_timer(&init->loop, INIT_TIMER_REAP, init->rest_ns, wake_for_timer, NULL);
    return true;
}

bool reap_children(struct init *init)
{
    uint64_t start = clock_monotonic_ns();
    if (start < init->rest_ns)
        return false;
    uint64_t cpu_start = cpu_ns();
    for (int i = 0; i < REAP_BATCH; i++) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        uint64_t walk_ns = clock_monotonic_ns() - start;
        start += walk_ns;
        if (pid < 0 && errno != ECHILD)
            session_tick(init, REAP_RETRY_MS); /* the signal that told has been taken */
        bool must_rest = is_resting(init, cpu_start, walk_ns, pid <= 0);
        if (pid <= 0)
            return false;
        /* Ours or an orphan's: a pid is not given anew before it was reaped here. */
        if (!supervisor_child_ended(init, pid, wait_status))
            program_child_ended(init, pid, wait_status);
        if (must_rest)
            return false;
    }
    return true;
}

void reap_watch(struct init *init, struct child *child)
{
    /* Once: a dead child that its tracer has not let go of stays readable. SIGCHLD then tells. */
    child->source = event_loop_add(&init->loop, child->pidfd, EPOLLIN | EPOLLONESHOT, wake, NULL);
}

void reap_forget(struct init *init, struct child *child)
{
    if (child->source >= 0)
        event_loop_remove(&init->loop, child->source);
    cleanup_close(&child->pidfd);
    *child = CHILD_NONE;
}

/* Takes one more character of "12 34 ": a pid is complete at the blank behind it. */
static void signal_listed(char character, pid_t *pid, int signal)
{
    if (character >= '0' && character <= '9') {
        *pid = *pid * 10 + (character - '0');
    } else if (*pid != 0) {
        kill(*pid, signal);
        *pid = 0;
    }
}

/* Not PID 1: only our children are ours to signal. Those of theirs become ours when they are
 * orphaned. */
static void signal_children(int signal)
{
    cleanup_fd int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    char text[1024];
    ssize_t size;
    pid_t pid = 0;
    while (fd >= 0 && (size = read(fd, text, sizeof(text))) > 0) {
        for (ssize_t i = 0; i < size; i++)
            signal_listed(text[i], &pid, signal);
    }
}

void reap_signal_all(const struct init *init, int signal)
{
    if (init->is_pid1)
        kill(-1, signal); /* ESRCH: nobody is left */
    else
        signal_children(signal);
}

bool reap_is_empty(const struct init *init)
{
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD)
        return false;
    /* Whoever entered the namespace from outside (docker exec) is not our child, but lives here. */
    return !init->is_pid1 || (kill(-1, 0) < 0 && errno == ESRCH);
}
