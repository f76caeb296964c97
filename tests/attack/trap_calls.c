/* Odd calls: other names for a program, no name at all, wrong pointers, wrong stacks. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/syscalls.h"
#include "sandbox/exec-trap/throttle.h"
#include "tests/attack/trap.h"

#define NO_EXEC 77
/* More than the record has room for, and fewer than the runner has rows. */
#define STORM_THREADS 300

int attack_wanted(void)
{
    return getenv("CONTROL") != NULL ? RAN_FREE : RAN_SANDBOXED;
}

int attack_try(const struct attack_exec *exec)
{
    int ends[2];
    int number = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        (void)syscall(SYS_execveat, exec->dirfd, exec->path,
                      exec->arguments != NULL ? exec->arguments : attack_whoami,
                      exec->environment != NULL ? exec->environment : environ, exec->flags);
        number = errno;
        (void)!write(ends[1], &number, sizeof(number));
        _exit(NO_EXEC);
    }
    close(ends[1]);
    (void)!read(ends[0], &number, sizeof(number));
    close(ends[0]);
    int code = attack_wait(pid);
    return code == NO_EXEC ? -number : code;
}

bool attack_expect(const char *what, const struct attack_exec *exec, int wanted)
{
    int code = attack_try(exec);
    if (code == wanted)
        return true;
    errno = code < 0 ? -code : 0;
    return attack_say("%s: %d instead of %d", what, code, wanted);
}

/* Whatever it is called, it runs in a sandbox. */
bool attack_aliases(void)
{
    char directory[256];
    char root_path[300];
    snprintf(directory, sizeof(directory), "%s", attack_self);
    char *name = strrchr(directory, '/');
    *name++ = '\0';
    snprintf(root_path, sizeof(root_path), "/proc/self/root%s", attack_self);
    cleanup_fd int fd = open(directory, O_PATH | O_DIRECTORY);
    cleanup_fd int file = open(attack_self, O_RDONLY);
    cleanup_fd int path_file = open(attack_self, O_PATH);
    char fd_path[64];
    char dev_path[64];
    snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", file);
    snprintf(dev_path, sizeof(dev_path), "/dev/fd/%d", path_file);
    bool is_well = chdir(directory) == 0;
    is_well &= attack_expect(
        "by its path", &(struct attack_exec){AT_FDCWD, attack_self, 0, NULL, NULL}, RAN_SANDBOXED);
    is_well &= attack_expect("relative", &(struct attack_exec){AT_FDCWD, name, 0, NULL, NULL},
                             RAN_SANDBOXED);
    is_well &= attack_expect("below a directory", &(struct attack_exec){fd, name, 0, NULL, NULL},
                             RAN_SANDBOXED);
    is_well &= attack_expect(
        "a descriptor", &(struct attack_exec){file, "", AT_EMPTY_PATH, NULL, NULL}, RAN_SANDBOXED);
    is_well &= attack_expect(
        "O_PATH", &(struct attack_exec){path_file, "", AT_EMPTY_PATH, NULL, NULL}, RAN_SANDBOXED);
    is_well &= attack_expect(
        "/proc/self/fd", &(struct attack_exec){AT_FDCWD, fd_path, 0, NULL, NULL}, RAN_SANDBOXED);
    is_well &= attack_expect("/dev/fd", &(struct attack_exec){AT_FDCWD, dev_path, 0, NULL, NULL},
                             RAN_SANDBOXED);
    is_well &= attack_expect("/proc/self/exe",
                             &(struct attack_exec){AT_FDCWD, "/proc/self/exe", 0, NULL, NULL},
                             RAN_SANDBOXED);
    is_well &= attack_expect(
        "/proc/thread-self/exe",
        &(struct attack_exec){AT_FDCWD, "//proc/./thread-self/exe", 0, NULL, NULL}, RAN_SANDBOXED);
    is_well &=
        attack_expect("/proc/self/root", &(struct attack_exec){AT_FDCWD, root_path, 0, NULL, NULL},
                      RAN_SANDBOXED);
    return is_well;
}

int attack_copy(const char *from, int to)
{
    struct stat file;
    cleanup_fd int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &file) < 0 || fchmod(to, 0755) < 0)
        return -1;
    return sendfile(to, fd, NULL, (size_t)file.st_size) == file.st_size ? 0 : -1;
}

/* Refusals that go on record as fast as they come: slower than their burst and rate allow, by half
 * a second for what a clock is worth. */
bool attack_refusals(void)
{
    const unsigned long tries = THROTTLE_BURST + THROTTLE_RATE;
    cleanup_fd int memory = memfd_create("program", MFD_CLOEXEC);
    uint64_t start_ns = clock_monotonic_ns();
    if (attack_copy(THIS_PROGRAM, memory) < 0)
        return attack_say("copy this program");
    for (unsigned long i = 0; i < tries; i++) {
        if (execveat(memory, "", attack_whoami, environ, AT_EMPTY_PATH) == 0 || errno != EACCES)
            return attack_say("try %lu", i);
    }
    uint64_t ms = (clock_monotonic_ns() - start_ns) / CLOCK_NANOSECONDS_PER_MILLISECOND;
    return ms >= 500 || attack_say("%lu refusals took %lu ms", tries, (unsigned long)ms);
}

/* Programs that no path leads to cannot be looked up in a sandbox, so they are refused. */
bool attack_nameless(void)
{
    char text[64];
    char name[] = "/tmp/nameless-XXXXXX";
    cleanup_fd int memory = memfd_create("program", MFD_CLOEXEC);
    cleanup_fd int deleted = mkstemp(name);
    if (attack_copy(THIS_PROGRAM, memory) < 0 || attack_copy(THIS_PROGRAM, deleted) < 0)
        return attack_say("copy this program");
    /* ETXTBSY otherwise: a deleted file is executed through a descriptor that only reads. */
    int reading = open(name, O_RDONLY | O_CLOEXEC);
    unlink(name);
    cleanup_close(&deleted);
    deleted = reading;
    int wanted = getenv("CONTROL") != NULL ? RAN_FREE : -EACCES;
    bool is_well = attack_expect(
        "a memfd", &(struct attack_exec){memory, "", AT_EMPTY_PATH, NULL, NULL}, wanted);
    snprintf(text, sizeof(text), "/proc/self/fd/%d", memory);
    is_well &= attack_expect("a memfd by path",
                             &(struct attack_exec){AT_FDCWD, text, 0, NULL, NULL}, wanted);
    is_well &= attack_expect("a deleted file",
                             &(struct attack_exec){deleted, "", AT_EMPTY_PATH, NULL, NULL}, wanted);
    return is_well;
}

/* Of all threads, and how many of them went wrong. */
static int storm_memory;
static unsigned storm_failures;

static void *refuse_many(void *unused)
{
    unsigned long tries = attack_count(20, 500);
    (void)unused;
    for (unsigned long i = 0; i < tries; i++) {
        if (execveat(storm_memory, "", attack_whoami, environ, AT_EMPTY_PATH) == 0 ||
            errno != EACCES)
            __atomic_add_fetch(&storm_failures, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Refusals of so many threads at once that most of them wait for their time. */
bool attack_nameless_storm(void)
{
    static pthread_t threads[STORM_THREADS];
    size_t started = 0;
    storm_memory = memfd_create("program", MFD_CLOEXEC);
    if (attack_copy(THIS_PROGRAM, storm_memory) < 0)
        return attack_say("copy this program");
    while (started < STORM_THREADS &&
           pthread_create(&threads[started], NULL, refuse_many, NULL) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    printf("%zu calls\n", started * (size_t)attack_count(20, 500));
    return storm_failures == 0 || attack_say("%u were not refused", storm_failures);
}

/* As an untrapped kernel says it, which this attack run with --free proves. */
bool attack_errors(void)
{
    static char long_path[8192];
    char link_path[] = "/tmp/link-XXXXXX";
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[0] = '/';
    close(mkstemp(link_path));
    unlink(link_path);
    bool is_well = symlink(HARMLESS, link_path) == 0;
    is_well &= attack_expect("missing", &(struct attack_exec){AT_FDCWD, "/no/such", 0, NULL, NULL},
                             -ENOENT);
    is_well &= attack_expect("empty", &(struct attack_exec){AT_FDCWD, "", 0, NULL, NULL}, -ENOENT);
    is_well &= attack_expect("a directory", &(struct attack_exec){AT_FDCWD, "/usr", 0, NULL, NULL},
                             -EACCES);
    is_well &= attack_expect(
        "not executable", &(struct attack_exec){AT_FDCWD, "/etc/passwd", 0, NULL, NULL}, -EACCES);
    is_well &= attack_expect(
        "below a file", &(struct attack_exec){AT_FDCWD, "/etc/passwd/x", 0, NULL, NULL}, -ENOTDIR);
    is_well &= attack_expect("not searchable",
                             &(struct attack_exec){AT_FDCWD, "/root/x", 0, NULL, NULL}, -EACCES);
    is_well &= attack_expect("too long", &(struct attack_exec){AT_FDCWD, long_path, 0, NULL, NULL},
                             -ENAMETOOLONG);
    is_well &=
        attack_expect("no descriptor", &(struct attack_exec){999, "x", 0, NULL, NULL}, -EBADF);
    is_well &= attack_expect("no descriptor, empty",
                             &(struct attack_exec){999, "", AT_EMPTY_PATH, NULL, NULL}, -EBADF);
    is_well &= attack_expect(
        "a link", &(struct attack_exec){AT_FDCWD, link_path, AT_SYMLINK_NOFOLLOW, NULL, NULL},
        -ELOOP);
    is_well &=
        attack_expect("unknown flags",
                      &(struct attack_exec){AT_FDCWD, HARMLESS, 0x40000000, NULL, NULL}, -EINVAL);
    is_well &=
        attack_expect("no address", &(struct attack_exec){AT_FDCWD, NULL, 0, NULL, NULL}, -EFAULT);
    is_well &=
        attack_expect("the kernel's address",
                      &(struct attack_exec){AT_FDCWD, (char *)-4096, 0, NULL, NULL}, -EFAULT);
    unlink(link_path);
    return is_well;
}

/* A string that ends where memory ends, and lists that are none. */
bool attack_pointers(void)
{
    long page = sysconf(_SC_PAGESIZE);
    char *pages =
        mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || munmap(pages + page, (size_t)page) < 0)
        return attack_say("map memory");
    char *end = pages + page - sizeof(HARMLESS) + 1;
    memcpy(end, HARMLESS, sizeof(HARMLESS) - 1);
    bool is_well =
        attack_expect("unterminated", &(struct attack_exec){AT_FDCWD, end, 0, NULL, NULL}, -EFAULT);
    errno = 0;
    (void)syscall(SYS_execve, HARMLESS, pages + page, environ);
    is_well &= errno == EFAULT || attack_say("arguments that are not there");
    errno = 0;
    (void)syscall(SYS_execve, HARMLESS, attack_whoami, 8);
    is_well &= errno == EFAULT || attack_say("an environment that is not there");
    return is_well;
}

#ifdef __x86_64__
/* execve with the stack pointer at STACK: the errno. Signals are blocked by then. */
static int exec_with_stack(uint64_t stack)
{
    long result;
    __asm__ volatile("movq %%rsp, %%r12\n\tmovq %[stack], %%rsp\n\tsyscall\n\tmovq %%r12, %%rsp"
                     : "=a"(result)
                     : "0"((long)SYS_execve), "D"(attack_self), "S"(attack_whoami),
                       "d"(environ), [stack] "r"(stack)
                     : "r12", "rcx", "r11", "memory");
    return (int)-result;
}
#else
static int exec_with_stack(uint64_t stack)
{
    register long number __asm__("x8") = SYS_execve;
    register long first __asm__("x0") = (long)attack_self;
    register long second __asm__("x1") = (long)attack_whoami;
    register long third __asm__("x2") = (long)environ;
    __asm__ volatile("mov x19, sp\n\tmov sp, %[stack]\n\tsvc #0\n\tmov sp, x19"
                     : "+r"(first)
                     : "r"(number), "r"(second), "r"(third), [stack] "r"(stack)
                     : "x19", "memory");
    return (int)-first;
}
#endif

/* The same in a process of its own, whose code is the errno. */
static int try_stack(uint64_t stack)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(exec_with_stack(stack));
    return attack_wait(pid);
}

/* True when bits 63 to 47 are not all alike: some processors end a process with such a stack
 * pointer when they return to it by iretq, as after any interrupt, whatever it called. */
static bool is_no_address(uint64_t stack)
{
    return stack >> 47 != 0 && stack >> 47 != UINT64_MAX >> 47;
}

/* Nowhere to put the relay's path: the caller learns that, and nothing runs. */
bool attack_stack(void)
{
    long page = sysconf(_SC_PAGESIZE);
    char *fixed = mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const uint64_t stacks[] = {0,
                               16,
                               4096,
                               (uint64_t)(uintptr_t)(fixed + page),
                               UINT64_C(0x7ffffffff000),
                               UINT64_C(0x8000000000000000),
                               UINT64_MAX & ~UINT64_C(15)};
    for (size_t i = 0; i < ARRAY_LENGTH(stacks); i++) {
        int code = try_stack(stacks[i]);
        bool is_ended = code == 128 + SIGSEGV && is_no_address(stacks[i]);
        if (code != EFAULT && !is_ended)
            return attack_say("stack %zu: %d", i, code);
    }
    return true;
}

/* A caller with a tracer of its own is not ours to stop. */
bool attack_traced(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execve(attack_self, attack_whoami, environ);
        _exit(errno == EPERM ? 0 : 1);
    }
    int code = attack_wait(pid);
    return code == 0 || attack_say("a traced caller ended with %d", code);
}

bool attack_listener(void)
{
    struct sock_filter filter[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {.len = 1, .filter = filter};
    int result = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    errno = -result;
    return result == -EBUSY || attack_say("a second listener");
}
