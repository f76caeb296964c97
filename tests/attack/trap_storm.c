/* Storms: signals, stops and deaths in the middle of calls, and many calls at once. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/attack/trap.h"

#define TIMER_NS 100000 /* 10 kHz */
#define SPAWNERS 32
/* The task runner has 1,024 rows for calls. */
#define STOPPED_RELAYS 1200
#define STOPPED_SECONDS 120

static volatile sig_atomic_t handled;
static const char harmless[] = HARMLESS;

static void count(int signal)
{
    (void)signal;
    handled++;
}

/* At this very thread, without SA_RESTART. */
static bool start_timer(void)
{
    struct sigaction action = {.sa_handler = count};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    struct itimerspec when = {.it_interval = {.tv_nsec = TIMER_NS},
                              .it_value = {.tv_nsec = TIMER_NS}};
    timer_t timer;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    return sigaction(SIGUSR1, &action, NULL) == 0 &&
           timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
           timer_settime(timer, 0, &when, NULL) == 0;
}

/* Calls of all the children, and how many of them a signal interrupted. */
struct tally {
    unsigned long calls;
    unsigned long interrupted;
};

/* Returns when the call has failed: with its errno. */
static int try_exec(const char *path, struct tally *tally)
{
    tally->calls++;
    execve(path, attack_whoami, environ);
    tally->interrupted += errno == EINTR;
    return errno;
}

/* Until a guard has received a call, a signal makes it fail with EINTR: no more than that. */
static void exec_amid_signals(struct tally *tally)
{
    if (!start_timer())
        _exit(90);
    for (int missing = 0; missing < 3; missing++) {
        int number = try_exec("/no/such/program", tally);
        if (number != ENOENT && number != EINTR)
            _exit(91);
    }
    while (try_exec(attack_self, tally) == EINTR)
        continue;
    _exit(92);
}

bool attack_signals(void)
{
    unsigned long tries = attack_count(300, 10000);
    int wanted = getenv("CONTROL") != NULL ? RAN_FREE : RAN_SANDBOXED;
    struct tally *tally =
        mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED)
        return attack_say("map memory");
    for (unsigned long i = 0; i < tries; i++) {
        pid_t pid = fork();
        if (pid == 0)
            exec_amid_signals(tally);
        int code = attack_wait(pid);
        if (code != wanted)
            return attack_say("try %lu ended with %d", i, code);
    }
    printf("%lu calls, %lu interrupted\n", tally->calls, tally->interrupted);
    return true;
}

#ifdef __x86_64__
struct registers {
    uint64_t arguments[6]; /* rdi, rsi, rdx, r10, r8, r9 */
    uint64_t others[5];    /* rbx, rbp is the compiler's, r12 to r15 */
};

/* execve that fails: its errno, and every register that the kernel keeps. */
static int exec_and_look(char *const *argv, struct registers *after)
{
    long result;
    register uint64_t r10 __asm__("r10") = 0x1010;
    register uint64_t r8 __asm__("r8") = 0x0808;
    register uint64_t r9 __asm__("r9") = 0x0909;
    uint64_t first = (uint64_t)(uintptr_t)harmless;
    uint64_t second = (uint64_t)(uintptr_t)argv;
    uint64_t third = (uint64_t)(uintptr_t)environ;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(first), "+S"(second), "+d"(third), "+r"(r10), "+r"(r8),
                       "+r"(r9)
                     : "0"((long)SYS_execve)
                     : "rcx", "r11", "memory");
    *after = (struct registers){.arguments = {first, second, third, r10, r8, r9}};
    return (int)-result;
}

static bool are_intact(const struct registers *registers, char *const *argv)
{
    const uint64_t *arguments = registers->arguments;
    return arguments[0] == (uint64_t)(uintptr_t)harmless &&
           arguments[1] == (uint64_t)(uintptr_t)argv &&
           arguments[2] == (uint64_t)(uintptr_t)environ && arguments[3] == 0x1010 &&
           arguments[4] == 0x0808 && arguments[5] == 0x0909;
}
#else
struct registers {
    uint64_t arguments[6]; /* x1 to x5, x8 */
};

static int exec_and_look(char *const *argv, struct registers *after)
{
    register uint64_t number __asm__("x8") = SYS_execve;
    register uint64_t first __asm__("x0") = (uint64_t)(uintptr_t)harmless;
    register uint64_t second __asm__("x1") = (uint64_t)(uintptr_t)argv;
    register uint64_t third __asm__("x2") = (uint64_t)(uintptr_t)environ;
    register uint64_t x3 __asm__("x3") = 0x0303;
    register uint64_t x4 __asm__("x4") = 0x0404;
    register uint64_t x5 __asm__("x5") = 0x0505;
    __asm__ volatile("svc #0"
                     : "+r"(first), "+r"(second), "+r"(third), "+r"(x3), "+r"(x4), "+r"(x5),
                       "+r"(number)
                     :
                     : "memory");
    *after = (struct registers){.arguments = {second, third, x3, x4, x5, number}};
    return (int)-first;
}

static bool are_intact(const struct registers *registers, char *const *argv)
{
    const uint64_t *arguments = registers->arguments;
    return arguments[0] == (uint64_t)(uintptr_t)argv &&
           arguments[1] == (uint64_t)(uintptr_t)environ && arguments[2] == 0x0303 &&
           arguments[3] == 0x0404 && arguments[4] == 0x0505 && arguments[5] == SYS_execve;
}
#endif

/* E2BIG comes late, when the call was redirected already: nothing of that may be seen. */
bool attack_registers(void)
{
    static char longest[256 * 1024];
    char *const argv[] = {attack_whoami[0], longest, NULL};
    unsigned long tries = attack_count(2000, 10000);
    unsigned long interrupted = 0;
    sigset_t mask;
    memset(longest, 'x', sizeof(longest) - 1);
    if (!start_timer())
        return attack_say("start a timer");
    for (unsigned long i = 0; i < tries; i++) {
        struct registers after;
        int number = exec_and_look(argv, &after);
        interrupted += number == EINTR;
        if (number != E2BIG && number != EINTR) {
            errno = number;
            return attack_say("try %lu", i);
        }
        if (!are_intact(&after, argv))
            return attack_say("try %lu came back with other registers", i);
    }
    sigprocmask(SIG_BLOCK, NULL, &mask);
    printf("%lu tries, %d signals, %lu interrupted\n", tries, (int)handled, interrupted);
    for (int number = 1; number < 32; number++) {
        if (sigismember(&mask, number) == 1)
            return attack_say("signal %d is still blocked", number);
    }
    return handled > 0 || attack_say("no signal came");
}

/* SIGSTOP and SIGCONT at any moment delay a call, no more. */
bool attack_stops(void)
{
    unsigned long tries = attack_count(50, 1000);
    srandom(1);
    for (unsigned long i = 0; i < tries; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            execve(attack_self, attack_whoami, environ);
            _exit(94);
        }
        for (int stop = 0; stop < 4; stop++) {
            usleep((unsigned)random() % 500);
            kill(pid, SIGSTOP);
            usleep((unsigned)random() % 500);
            kill(pid, SIGCONT);
        }
        int code = attack_wait(pid);
        if (code != RAN_SANDBOXED)
            return attack_say("try %lu ended with %d", i, code);
    }
    return true;
}

bool attack_deaths(void)
{
    unsigned long tries = attack_count(200, 5000);
    srandom(2);
    for (unsigned long i = 0; i < tries; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            execve(attack_self, attack_whoami, environ);
            _exit(95);
        }
        usleep((unsigned)random() % 3000);
        kill(pid, SIGKILL);
        int code = attack_wait(pid);
        if (code != 128 + SIGKILL && code != RAN_SANDBOXED)
            return attack_say("try %lu ended with %d", i, code);
    }
    pid_t pid = fork();
    if (pid == 0) {
        execve(attack_self, attack_whoami, environ);
        _exit(96);
    }
    int code = attack_wait(pid);
    return code == RAN_SANDBOXED || attack_say("afterwards a call ended with %d", code);
}

static void *spawn_many(void *failures)
{
    unsigned long tries = attack_count(16, 500);
    for (unsigned long i = 0; i < tries; i++) {
        pid_t pid;
        if (posix_spawn(&pid, attack_self, NULL, NULL, attack_whoami, environ) != 0 ||
            attack_wait(pid) != RAN_SANDBOXED)
            __atomic_add_fetch((int *)failures, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

bool attack_spawns(void)
{
    pthread_t threads[SPAWNERS];
    int failures = 0;
    for (size_t i = 0; i < SPAWNERS; i++)
        pthread_create(&threads[i], NULL, spawn_many, &failures);
    for (size_t i = 0; i < SPAWNERS; i++)
        pthread_join(threads[i], NULL);
    return failures == 0 || attack_say("%d spawns failed", failures);
}

static void *exec_whoami(void *unused)
{
    (void)unused;
    execve(attack_self, attack_whoami, environ);
    _exit(97);
}

/* A thread that is not the first takes its process's number when it execs. */
bool attack_thread(void)
{
    unsigned long tries = attack_count(50, 2000);
    for (unsigned long i = 0; i < tries; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t thread;
            pthread_create(&thread, NULL, exec_whoami, NULL);
            pause();
        }
        int code = attack_wait(pid);
        if (code != RAN_SANDBOXED)
            return attack_say("try %lu ended with %d", i, code);
    }
    return true;
}

static bool has_socket(pid_t child)
{
    char path[64];
    char target[64];
    for (int fd = 3; fd < 16; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", child, fd);
        ssize_t length = readlink(path, target, sizeof(target) - 1);
        target[length < 0 ? 0 : length] = '\0';
        if (strncmp(target, "socket:", strlen("socket:")) == 0)
            return true;
    }
    return false;
}

/* A child that is stopped as a relay that has not connected yet, if the moment was that. */
static bool stop_relay(pid_t *child)
{
    char path[32];
    char program[64] = "";
    *child = fork();
    if (*child == 0) {
        execve(harmless, attack_whoami, environ);
        _exit(98);
    }
    usleep((unsigned)random() % 1500);
    kill(*child, SIGSTOP);
    snprintf(path, sizeof(path), "/proc/%d/exe", *child);
    ssize_t length = readlink(path, program, sizeof(program) - 1);
    bool is_relay =
        length > 0 && strstr(program, "agent-exec-relay") != NULL && !has_socket(*child);
    if (!is_relay) {
        kill(*child, SIGKILL);
        attack_wait(*child);
    }
    return is_relay;
}

/* More relays that never connect than there is room for: a call behind them is late, not lost. */
bool attack_stopped_relays(void)
{
    static pid_t children[STOPPED_RELAYS];
    const struct attack_exec exec = {AT_FDCWD, attack_self, 0, attack_whoami, NULL};
    size_t count = 0;
    time_t end = time(NULL) + STOPPED_SECONDS;
    while (count < STOPPED_RELAYS && time(NULL) < end) {
        if (stop_relay(&children[count]))
            count++;
    }
    printf("%zu relays are stopped\n", count);
    bool is_well = attack_expect("behind them", &exec, attack_wanted());
    for (size_t i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    return is_well && (count >= STOPPED_RELAYS / 2 || attack_say("no crowd"));
}
