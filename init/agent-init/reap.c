/* Reaping whatever dies, and reaching everything that lives. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init/agent-init/init.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"

/* Reaped before the loop looks at its other sources: twenty thousand orphans must not delay a TERM.
 */
#define REAP_BATCH 256
/* A look for a dead child that takes this long of the cpu went past thousands that live. Then the
 * next one is so many times as long away, or a burst of deaths would cost such a walk for each. */
#define WALK_NS 50000
#define WALK_REST 10
#define REST_NS_MAX (10 * CLOCK_NANOSECONDS_PER_MILLISECOND)
/* In a row while somebody is dead: those who live do so in front of the dead, and stay. Then each
 * is asked for by its number, which costs no walk, until so many were dead. */
#define RESTS_MAX 32
#define ASKED_MAX 4096
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

/* Another namespace's /proc names us, and our children, by other numbers. */
static bool has_own_proc(void)
{
    char ours[DIAGNOSTIC_NUMBER_SIZE];
    char self[16] = "";
    return readlink("/proc/self", self, sizeof(self) - 1) > 0 &&
           strcmp(self, diagnostic_number(ours, (uint64_t)getpid())) == 0;
}

/* Calls VISIT for our children, until it was true for MAX of them. For how many it was. */
static uint32_t for_each_child(struct init *init, uint32_t max,
                               bool (*visit)(struct init *init, pid_t pid, int signal), int signal)
{
    cleanup_fd int fd =
        has_own_proc() ? open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC) : -1;
    char text[4096];
    ssize_t size;
    pid_t pid = 0;
    uint32_t count = 0;
    while (fd >= 0 && count < max && (size = read(fd, text, sizeof(text))) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            bool is_digit = text[i] >= '0' && text[i] <= '9';
            /* In "12 34 " a number is complete at the blank behind it. */
            if (!is_digit && pid != 0)
                count += visit(init, pid, signal) ? 1 : 0;
            pid = is_digit ? pid * 10 + (text[i] - '0') : 0;
        }
    }
    return count;
}

/* Ours or an orphan's: a pid is not given anew before it was reaped here. */
static void close_books(struct init *init, pid_t pid, int wait_status)
{
    if (!supervisor_child_ended(init, pid, wait_status))
        program_child_ended(init, pid, wait_status);
}

bool reap_child(struct init *init, pid_t pid)
{
    int wait_status;
    bool is_dead = pid > 0 && waitpid(pid, &wait_status, WNOHANG) == pid;
    if (is_dead)
        close_books(init, pid, wait_status);
    return is_dead;
}

static bool ask(struct init *init, pid_t pid, int unused)
{
    (void)unused;
    return reap_child(init, pid);
}

static void look_after_rest(struct init *init)
{
    event_loop_set_timer(&init->loop, INIT_TIMER_REAP, init->rest_ns, wake_for_timer, NULL);
}

/* True when we rest after a look that was over at NOW_NS and took WALK_NS. */
static bool is_resting(struct init *init, uint64_t now_ns, uint64_t walk_ns, bool was_vain)
{
    init->rests = was_vain ? 0 : init->rests;
    if (walk_ns < WALK_NS)
        return false;
    /* The time that others had the cpu is no walk of ours. */
    uint64_t before_ns = init->away_ns;
    init->away_ns = now_ns - cpu_ns();
    if (walk_ns < WALK_NS + init->away_ns - before_ns)
        return false;
    if (init->rests == RESTS_MAX) {
        uint32_t count = for_each_child(init, ASKED_MAX, ask, 0);
        if (count == 0)
            return false;
        init->rests = count < ASKED_MAX ? 0 : RESTS_MAX - 1;
    }
    uint64_t pause = walk_ns < REST_NS_MAX / WALK_REST ? walk_ns * WALK_REST : REST_NS_MAX;
    init->rests++;
    init->rest_ns = clock_monotonic_ns() + pause;
    /* After a vain one a death wakes us; asking for another would go on as long as they live. */
    if (!was_vain)
        look_after_rest(init);
    return true;
}

bool reap_children(struct init *init)
{
    uint64_t start = clock_monotonic_ns();
    if (start < init->rest_ns) {
        look_after_rest(init); /* a death may be what woke us */
        return false;
    }
    event_loop_clear_timer(&init->loop, INIT_TIMER_REAP); /* this is the look it was set for */
    init->away_ns = start - cpu_ns();
    for (int i = 0; i < REAP_BATCH; i++) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        uint64_t walk_ns = clock_monotonic_ns() - start;
        start += walk_ns;
        if (pid < 0 && errno != ECHILD)
            session_tick(init, REAP_RETRY_MS); /* the signal that told has been taken */
        if (pid > 0)
            close_books(init, pid, wait_status);
        if (is_resting(init, start, walk_ns, pid <= 0) || pid <= 0)
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

static bool signal_child(struct init *init, pid_t pid, int signal)
{
    (void)init;
    return kill(pid, signal) == 0;
}

void reap_signal_all(struct init *init, int signal)
{
    if (init->is_pid1)
        kill(-1, signal); /* ESRCH: nobody is left */
    else /* only our children are ours to signal; those of theirs become ours when orphaned */
        for_each_child(init, UINT32_MAX, signal_child, signal);
}

bool reap_is_empty(const struct init *init)
{
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD)
        return false;
    /* Whoever entered the namespace from outside (docker exec) is not our child, but lives here. */
    return !init->is_pid1 || (kill(-1, 0) < 0 && errno == ESRCH);
}
