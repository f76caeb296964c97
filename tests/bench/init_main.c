/* What every init is given to run when inits are compared: writes a byte, waits for a signal. With
 * BENCH_ORPHANS=N it leaves N orphans, lets them die at once, and writes how long init reaped. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between looks whether the next orphan has gone. */
#define LOOK_NS 50000

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* In a child that ends at once, so that its children become init's. They live until HOLD closes. In
 * a session of their own, as the scheduler shares out time by session and some inits make one. */
static void make_orphans(pid_t *pids, long count, const int hold[2])
{
    setsid();
    for (long i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid < 0)
            _exit(1);
        if (pid == 0) {
            char byte;
            close(hold[1]);
            _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
        }
        pids[i] = pid;
    }
    _exit(0);
}

/* A pid that nobody has reaped is still there for kill(2). */
static void await_reaped(const pid_t *pids, long count)
{
    for (long i = 0; i < count; i++) {
        while (kill(pids[i], 0) == 0 || errno != ESRCH)
            nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
}

static int run_orphans(long count)
{
    int hold[2];
    int status;
    char byte;
    pid_t *pids = mmap(NULL, (size_t)count * sizeof(*pids), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pids == MAP_FAILED || pipe(hold) < 0)
        return 1;
    pid_t parent = fork();
    if (parent == 0)
        make_orphans(pids, count, hold);
    if (parent < 0 || waitpid(parent, &status, 0) != parent || status != 0)
        return 1;
    if (write(STDOUT_FILENO, "x", 1) != 1 || read(STDIN_FILENO, &byte, 1) != 1)
        return 1;
    uint64_t start = now_ns();
    close(hold[1]);
    await_reaped(pids, count);
    uint64_t wall_ns = now_ns() - start;
    return write(STDOUT_FILENO, &wall_ns, sizeof(wall_ns)) == sizeof(wall_ns) ? 0 : 1;
}

int main(void)
{
    const char *orphans = getenv("BENCH_ORPHANS");
    if (orphans != NULL && run_orphans(strtol(orphans, NULL, 10)) != 0)
        return 1;
    if (orphans == NULL && write(STDOUT_FILENO, "x", 1) != 1)
        return 1;
    for (;;)
        pause();
}
