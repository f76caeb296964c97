/* Races: the path changes between the guard's look and the kernel's. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/attack/trap.h"

#define PATH_SIZE 256
#define STACK_SIZE (256u * 1024)

static char *path;

/* Byte by byte would be no path at all: the two differ in a link's one letter. */
static void *flip(void *unused)
{
    (void)unused;
    for (;;) {
        memcpy(path, HARMLESS, sizeof(HARMLESS));
        atomic_signal_fence(memory_order_seq_cst);
        memcpy(path, attack_self, strlen(attack_self) + 1);
        atomic_signal_fence(memory_order_seq_cst);
    }
    return NULL;
}

static int exec_path(void *unused)
{
    (void)unused;
    usleep((unsigned)random() % 200);
    for (int i = 0; i < 100; i++)
        execve(path, attack_whoami, environ);
    return errno == EACCES || errno == ENOENT ? 0 : 1;
}

static bool share_path(void)
{
    path = mmap(NULL, PATH_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return path != MAP_FAILED && strlen(attack_self) < PATH_SIZE;
}

/* True when not one of the tries ran as the attacker. */
static bool count_wins(pid_t (*try_once)(void))
{
    unsigned long tries = attack_count(300, 100000);
    unsigned long wins = 0;
    unsigned long ran = 0;
    for (unsigned long i = 0; i < tries; i++) {
        int code = attack_wait(try_once());
        wins += code == RAN_FREE;
        ran += code == RAN_SANDBOXED;
        if (code < 0)
            return attack_say("try %lu could not be made", i);
    }
    printf("%lu tries, %lu ran as the attacker, %lu in a sandbox\n", tries, wins, ran);
    return wins == 0;
}

static pid_t race_thread(void)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    pthread_t thread;
    srandom((unsigned)getpid());
    if (pthread_create(&thread, NULL, flip, NULL) != 0)
        _exit(99);
    _exit(exec_path(NULL));
}

bool attack_swap_by_thread(void)
{
    return share_path() ? count_wins(race_thread) : attack_say("share memory");
}

/* As vfork, but the parent goes on: one memory, two processes. */
static pid_t race_process(void)
{
    static char *stack;
    if (stack == NULL)
        stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return clone(exec_path, stack + STACK_SIZE, CLONE_VM | SIGCHLD, NULL);
}

bool attack_swap_by_process(void)
{
    pthread_t thread;
    if (!share_path() || pthread_create(&thread, NULL, flip, NULL) != 0)
        return attack_say("share memory");
    return count_wins(race_process);
}

/* As vfork: the thread that made it waits, and another one of the two processes' memory does not.
 */
static pid_t race_vforked(void)
{
    static char *stack;
    if (stack == NULL)
        stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return clone(exec_path, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
}

bool attack_swap_by_vfork(void)
{
    pthread_t thread;
    if (!share_path() || pthread_create(&thread, NULL, flip, NULL) != 0)
        return attack_say("share memory");
    return count_wins(race_vforked);
}

static char *word;

static void *flip_word(void *unused)
{
    (void)unused;
    for (;;) {
        memcpy(word, LOOK_PERMITTED, sizeof(LOOK_PERMITTED));
        atomic_signal_fence(memory_order_seq_cst);
        memcpy(word, LOOK_FORBIDDEN, sizeof(LOOK_FORBIDDEN));
        atomic_signal_fence(memory_order_seq_cst);
    }
    return NULL;
}

static _Noreturn void exec_arguments(void)
{
    char *const arguments[] = {attack_whoami[0], word, NULL};
    srandom((unsigned)getpid());
    usleep((unsigned)random() % 200);
    for (int i = 0; i < 100; i++)
        execve(attack_self, arguments, environ);
    _exit(errno == EACCES ? 0 : 98);
}

static pid_t race_arguments(void)
{
    pid_t pid = fork();
    if (pid == 0)
        exec_arguments();
    return pid;
}

static bool count_forbidden(pid_t (*try_once)(void))
{
    unsigned long tries = attack_count(60, 100000);
    unsigned long wins = 0;
    unsigned long ran = 0;
    for (unsigned long i = 0; i < tries; i++) {
        int code = attack_wait(try_once());
        wins += code == RAN_FORBIDDEN;
        ran += code == attack_wanted();
    }
    printf("%lu tries, %lu ran with what is denied, %lu without\n", tries, wins, ran);
    return (wins == 0 && ran > 0) || attack_say("%lu wins, %lu ran", wins, ran);
}

/* Another process writes into the memory where the arguments are: what was judged is what runs, in
 * whichever of the two states it was read. */
bool attack_swap_arguments(void)
{
    if (!share_path())
        return attack_say("share memory");
    word = path;
    pid_t flipper = fork();
    if (flipper == 0)
        flip_word(NULL);
    bool is_well = count_forbidden(race_arguments);
    kill(flipper, SIGKILL);
    attack_wait(flipper);
    return is_well;
}

static pid_t race_own_arguments(void)
{
    pthread_t thread;
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (pthread_create(&thread, NULL, flip_word, NULL) != 0)
        _exit(99);
    exec_arguments();
}

/* A thread beside the caller does. */
bool attack_swap_own_arguments(void)
{
    if (!share_path())
        return attack_say("share memory");
    word = path;
    return count_forbidden(race_own_arguments);
}

static void *exec_whoami(void *unused)
{
    (void)unused;
    execve(attack_self, attack_whoami, environ);
    return NULL;
}

/* Both at once: one image comes out, whoever wins; the other's call dies with its thread. */
bool attack_two_threads(void)
{
    unsigned long tries = attack_count(50, 2000);
    for (unsigned long i = 0; i < tries; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t threads[3];
            for (size_t t = 0; t < 3; t++)
                pthread_create(&threads[t], NULL, exec_whoami, NULL);
            exec_whoami(NULL);
            pause();
        }
        int code = attack_wait(pid);
        if (code != RAN_SANDBOXED)
            return attack_say("try %lu ended with %d", i, code);
    }
    return true;
}
