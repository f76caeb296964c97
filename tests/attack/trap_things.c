/* What a call brings along or reaches for: descriptors, a terminal, a directory, other processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"
#include "lib/wire/task_protocol.h"
#include "tests/attack/trap.h"

#define PLACE_SIZE 64
#define EXTRA_FD 9
#define DESCRIPTORS_ENOUGH 24
#define FLOODS 6

static const struct attack_exec whoami_exec = {.dirfd = AT_FDCWD};

/* This program, looking at LOOK. */
static int try_look(char *look)
{
    char *const arguments[] = {attack_whoami[0], look, NULL};
    struct attack_exec exec = whoami_exec;
    exec.path = attack_self;
    exec.arguments = arguments;
    return attack_try(&exec);
}

/* What the caller had open besides does not come along. */
bool attack_descriptors(void)
{
    char look[] = LOOK_AT_DESCRIPTORS;
    int wanted = attack_wanted() == RAN_FREE ? RAN_WITH_MORE : RAN_SANDBOXED;
    cleanup_fd int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dup2(fd, EXTRA_FD) < 0)
        return attack_say("have a further descriptor");
    int code = try_look(look);
    close(EXTRA_FD);
    return code == wanted || attack_say("a further descriptor: %d", code);
}

/* WANTED comes of an exec with FD as its standard input. */
static bool try_stream(const char *what, int fd, int wanted)
{
    struct attack_exec exec = whoami_exec;
    exec.path = attack_self;
    cleanup_fd int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
        return attack_say("%s", what);
    bool is_well = attack_expect(what, &exec, wanted);
    dup2(kept, STDIN_FILENO);
    return is_well;
}

/* A way around the sandbox, were it handed over as it is. */
bool attack_streams(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = TASK_RUNNER_SOCKET};
    int refused = attack_wanted() == RAN_FREE ? RAN_FREE : RELAY_REFUSED;
    cleanup_fd int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int name = open("/etc/passwd", O_PATH | O_CLOEXEC);
    cleanup_fd int kernel = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    cleanup_fd int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    cleanup_fd int service = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(service, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return attack_say("connect to a service");
    bool is_well = try_stream("a directory", directory, refused);
    is_well &= try_stream("a name", name, refused);
    is_well &= try_stream("a file of the kernel's", kernel, refused);
    is_well &= try_stream("a connection to a service", service, refused);
    is_well &= try_stream("a file", file, attack_wanted());
    return is_well;
}

/* A terminal that is not the caller's own: it is one for the command, and stays whose it was. */
bool attack_foreign_terminal(void)
{
    cleanup_fd int controller = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (controller < 0 || grantpt(controller) < 0 || unlockpt(controller) < 0)
        return attack_say("make a terminal");
    cleanup_fd int terminal = open(ptsname(controller), O_RDWR | O_NOCTTY | O_CLOEXEC);
    bool is_well = try_stream("a foreign terminal", terminal, attack_wanted());
    is_well &= tcgetsid(controller) == -1 || attack_say("the terminal became a session's");
    return is_well;
}

static bool make_place(char place[PLACE_SIZE])
{
    snprintf(place, PLACE_SIZE, "/tmp/place-XXXXXX");
    return mkdtemp(place) != NULL && chmod(place, 0755) == 0;
}

static bool remember_inode(const char *place)
{
    char text[32];
    struct stat status;
    if (stat(place, &status) < 0)
        return false;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)status.st_ino);
    return setenv("INODE", text, 1) == 0;
}

/* Moved, then removed. */
bool attack_directory(void)
{
    char place[PLACE_SIZE];
    char moved[PLACE_SIZE * 2];
    char look[] = LOOK_AT_DIRECTORY;
    int gone = attack_wanted() == RAN_FREE ? RAN_ELSEWHERE : RELAY_REFUSED;
    if (!make_place(place) || chdir(place) < 0 || !remember_inode(place))
        return attack_say("make a directory");
    snprintf(moved, sizeof(moved), "%s-moved", place);
    if (rename(place, moved) < 0 || mkdir(place, 0755) < 0)
        return attack_say("move a directory");
    int code = try_look(look);
    bool is_well = code == attack_wanted() || attack_say("a moved directory: %d", code);
    if (rmdir(moved) < 0 || setenv("INODE", "1", 1) < 0)
        return attack_say("remove a directory");
    code = try_look(look);
    return is_well && (code == gone || attack_say("a removed directory: %d", code));
}

static char one[PLACE_SIZE];
static char other[PLACE_SIZE];

static void *exchange(void *unused)
{
    (void)unused;
    for (;;)
        (void)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */);
    return NULL;
}

/* Two directories change places all the time: the command runs in its caller's, or not at all. */
bool attack_swap_directory(void)
{
    unsigned long tries = attack_count(40, 5000);
    unsigned long ran = 0;
    char look[] = LOOK_AT_DIRECTORY;
    pthread_t thread;
    if (!make_place(one) || !make_place(other) || !remember_inode(one) || chdir(one) < 0 ||
        pthread_create(&thread, NULL, exchange, NULL) != 0)
        return attack_say("make directories");
    for (unsigned long i = 0; i < tries; i++) {
        int code = try_look(look);
        ran += code == attack_wanted();
        if (code != attack_wanted() && code != RELAY_REFUSED)
            return attack_say("try %lu ended with %d", i, code);
    }
    printf("%lu tries, %lu ran\n", tries, ran);
    return true;
}

static bool is_refused(const char *what, long result, int number)
{
    return (result < 0 && errno == number) || attack_say("%s: %ld", what, result);
}

/* The process with root's rights that judges this one, and what it works with. */
bool attack_services(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = TASK_SANDBOX_SOCKET};
    const char *text = getenv("RUNNER_PID");
    pid_t runner = text == NULL ? 0 : (pid_t)strtol(text, NULL, 10);
    char path[64];
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (runner <= 1)
        return attack_say("no task runner");
    bool is_well = is_refused("kill the runner", kill(runner, 0), EPERM);
    is_well &= is_refused("trace the runner", ptrace(PTRACE_SEIZE, runner, NULL, NULL), EPERM);
    is_well &= is_refused("stop PID 1", kill(1, 0), EPERM);
    snprintf(path, sizeof(path), "/proc/%d/mem", runner);
    is_well &= is_refused("read the runner's memory", open(path, O_RDONLY | O_CLOEXEC), EACCES);
    is_well &= is_refused("connect to the sandbox service",
                          connect(fd, (const struct sockaddr *)&address, sizeof(address)), EACCES);
    return is_well;
}

/* A search along PATH as fast as it goes: each call is answered, and then one runs. */
bool attack_rate(void)
{
    unsigned long tries = attack_count(20000, 1000000);
    for (unsigned long i = 0; i < tries; i++) {
        if (execve("/no/such/program", attack_whoami, environ) == 0 || errno != ENOENT)
            return attack_say("try %lu", i);
    }
    struct attack_exec exec = whoami_exec;
    exec.path = attack_self;
    return attack_expect("after them", &exec, attack_wanted());
}

/* As fast as it goes, until it is killed. */
static pid_t start_flood(unsigned long *calls)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (;;) {
        execve("/no/such/program", attack_whoami, environ);
        __atomic_add_fetch(calls, 1, __ATOMIC_RELAXED);
    }
}

/* Several callers at once that have nothing else to do: another one is served meanwhile. */
bool attack_flood(void)
{
    unsigned long tries = attack_count(20, 2000);
    pid_t floods[FLOODS];
    unsigned long *calls =
        mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct attack_exec exec = whoami_exec;
    bool is_well = calls != MAP_FAILED;
    exec.path = attack_self;
    if (!is_well)
        return attack_say("map memory");
    for (size_t i = 0; i < FLOODS; i++)
        floods[i] = start_flood(calls);
    for (unsigned long i = 0; i < tries && is_well; i++)
        is_well = attack_expect("amid them", &exec, attack_wanted());
    for (size_t i = 0; i < FLOODS; i++) {
        kill(floods[i], SIGKILL);
        attack_wait(floods[i]);
    }
    printf("%lu calls beside %lu\n", *calls, tries);
    return is_well && (*calls > tries || attack_say("no flood"));
}

/* What comes of an exec with so many descriptors for its process at most. */
static int try_with_limit(rlim_t limit)
{
    const struct rlimit few = {.rlim_cur = limit, .rlim_max = limit};
    pid_t pid = fork();
    if (pid == 0) {
        if (setrlimit(RLIMIT_NOFILE, &few) < 0)
            _exit(98);
        execve(attack_self, attack_whoami, environ);
        _exit(99);
    }
    return attack_wait(pid);
}

/* Too few: a relay says so in a line and is refused; without a trap the program's loader ends. With
 * none at all poll(2) refuses to wait for a pipe to take that line. */
bool attack_few_descriptors(void)
{
    int refusal = attack_wanted() == RAN_FREE ? 127 : RELAY_REFUSED;
    unsigned refused = 0;
    for (rlim_t limit = 1; limit <= DESCRIPTORS_ENOUGH; limit++) {
        int code = try_with_limit(limit);
        refused += code == refusal;
        if (code != attack_wanted() && code != refusal)
            return attack_say("with %lu descriptors: %d", (unsigned long)limit, code);
    }
    printf("%u refused\n", refused);
    int code = try_with_limit(DESCRIPTORS_ENOUGH);
    return code == attack_wanted() || attack_say("with enough descriptors: %d", code);
}
