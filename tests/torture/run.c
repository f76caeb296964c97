/* One init as PID 1 of a new namespace: starting it, hearing its actors, seeing its end. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/syscalls.h"
#include "tests/torture/torture.h"

#define STACK_SIZE (256 * 1024)
#define ARGUMENTS_MAX 16
#define TEXT_SIZE 8192
#define SCENARIO_FILE "/run/scenario"

static struct {
    pid_t pid;    /* 0: none */
    int pidfd;    /* owned, as all below */
    int report;   /* what the actors say */
    int said;     /* what PID 1 writes to stderr */
    int terminal; /* the master's side; -1: none */
    int hold;     /* lets it go */
    char text[TEXT_SIZE];
    size_t used; /* of text */
    char line[TEXT_SIZE];
    char diagnostics[TEXT_SIZE];
    size_t diagnosed;
} now = {.terminal = -1};

/* What the new process needs to know. */
struct plan {
    const struct setting *setting;
    int in;
    int out;
    int err;
    int hold;
};

void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static const char *require(const char *variable)
{
    const char *value = getenv(variable);
    if (value == NULL)
        broken(variable);
    return value;
}

static void must(int result, const char *what)
{
    if (result < 0)
        broken(what);
}

static void write_file(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        broken(path);
}

static void make_world(const struct setting *setting)
{
    if (setting->has_users) {
        write_file("/proc/self/setgroups", "deny");
        write_file("/proc/self/uid_map", "0 0 1");
        write_file("/proc/self/gid_map", "0 0 1");
    }
    if (!setting->has_mounts)
        return;
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
    must(mount("proc", "/proc", "proc", 0, NULL), "/proc");
    must(mount("tmpfs", "/run", "tmpfs", 0, NULL), "/run");
    if (setting->scenario != NULL)
        write_file(SCENARIO_FILE, setting->scenario);
}

static void place_descriptors(const struct plan *plan)
{
    if (plan->setting->has_terminal) {
        must(setsid(), "setsid");
        must(ioctl(plan->in, TIOCSCTTY, 0), "TIOCSCTTY");
    }
    must(dup2(plan->in, STDIN_FILENO), "stdin");
    must(dup2(plan->out, STDOUT_FILENO), "stdout");
    must(dup2(plan->err, STDERR_FILENO), "stderr");
}

static void build_arguments(const struct setting *setting, const char **at)
{
    static const char *const variables[] = {"INIT", "TINI", "DUMB_INIT", "CATATONIT", "ACTOR"};
    static char boot[PATH_MAX];
    bool is_ours = peer_now() == AGENT_INIT;
    *at++ = require(variables[peer_now()]);
    if (peer_now() == BAD_INIT)
        *at++ = "bad-init";
    if (is_ours && setting->grace != NULL) {
        *at++ = "--stop-grace";
        *at++ = setting->grace;
    }
    if (setting->scenario != NULL) {
        snprintf(boot, sizeof(boot), "--boot=%s", require("BOOT"));
        *at++ = boot;
    }
    *at++ = "--";
    if (setting->scenario != NULL)
        *at++ = SCENARIO_FILE;
    else
        *at++ = setting->program != NULL ? setting->program : require("ACTOR");
    for (const char *const *word = setting->command; word != NULL && *word != NULL; word++)
        *at++ = *word;
    *at = NULL;
}

static int become_init(void *context)
{
    const struct plan *plan = context;
    const char *arguments[ARGUMENTS_MAX];
    char byte;
    build_arguments(plan->setting, arguments);
    make_world(plan->setting);
    place_descriptors(plan);
    if (read(plan->hold, &byte, 1) != 1)
        _exit(1); /* the item is over */
    if (plan->setting->prepare != NULL)
        plan->setting->prepare();
    /* Last, for a change of the user takes it back: prctl(2). */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(arguments[0], (char *const *)(uintptr_t)arguments);
    broken(arguments[0]);
}

static void make_pipe(int *mine, int *theirs)
{
    int ends[2];
    must(pipe2(ends, O_CLOEXEC), "pipe");
    *mine = ends[0];
    *theirs = ends[1];
}

void start(const struct setting *setting)
{
    static char stack[STACK_SIZE] __attribute__((aligned(16)));
    struct plan plan = {.setting = setting};
    int flags = CLONE_NEWPID | SIGCHLD;
    if (setting->has_mounts)
        flags |= CLONE_NEWNS;
    if (setting->has_users)
        flags |= CLONE_NEWUSER;
    make_pipe(&now.report, &plan.out);
    make_pipe(&now.said, &plan.err);
    make_pipe(&plan.hold, &now.hold);
    if (setting->has_terminal) {
        must(openpty(&now.terminal, &plan.in, NULL, NULL, NULL), "openpty");
        fcntl(now.terminal, F_SETFD, FD_CLOEXEC);
        fcntl(plan.in, F_SETFD, FD_CLOEXEC);
    } else {
        plan.in = open("/dev/null", O_RDWR | O_CLOEXEC);
        must(plan.in, "/dev/null");
    }
    now.pid = clone(become_init, stack + STACK_SIZE, flags, &plan);
    must(now.pid, "clone");
    now.pidfd = sys_pidfd_open(now.pid, 0);
    must(now.pidfd, "pidfd_open");
    close(plan.in);
    close(plan.out);
    close(plan.err);
    close(plan.hold);
    if (!setting->is_held)
        release();
}

void release(void)
{
    must((int)write(now.hold, "", 1), "release");
}

pid_t init_pid(void)
{
    return now.pid;
}

int terminal_fd(void)
{
    return now.terminal;
}

void signal_init(int signal)
{
    must(kill(now.pid, signal), "kill");
}

static FILE *open_children(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", now.pid, now.pid);
    return fopen(path, "re");
}

pid_t main_pid(void)
{
    cleanup_file FILE *file = open_children();
    int pid = 0;
    return file != NULL && fscanf(file, "%d", &pid) == 1 ? pid : 0;
}

unsigned count_children(void)
{
    cleanup_file FILE *file = open_children();
    unsigned count = 0;
    int pid;
    while (file != NULL && fscanf(file, "%d", &pid) == 1)
        count++;
    return count;
}

/* Waits until DEADLINE_NS for something to read from FD. */
static bool is_readable(int fd, uint64_t deadline_ns)
{
    uint64_t time_ns = clock_monotonic_ns();
    int left = time_ns >= deadline_ns ? 0 : (int)((deadline_ns - time_ns) / 1000000) + 1;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    return poll(&waiting, 1, left) == 1;
}

/* Moves the first line of the text into now.line. False when there is no whole one. */
static bool take_line(void)
{
    char *newline = memchr(now.text, '\n', now.used);
    if (newline == NULL)
        return false;
    size_t size = (size_t)(newline - now.text);
    memcpy(now.line, now.text, size);
    now.line[size] = '\0';
    now.used -= size + 1;
    memmove(now.text, newline + 1, now.used);
    return true;
}

static uint64_t ends_ns(int milliseconds)
{
    return clock_monotonic_ns() + (uint64_t)milliseconds * CLOCK_NANOSECONDS_PER_MILLISECOND;
}

uint64_t patience_ends_ns(void)
{
    return ends_ns(patience_ms());
}

static const char *next_line_until(const char *prefix, uint64_t end)
{
    for (;;) {
        while (take_line()) {
            if (strncmp(now.line, prefix, strlen(prefix)) == 0)
                return now.line + strlen(prefix);
        }
        if (now.used == sizeof(now.text) || !is_readable(now.report, end))
            return NULL;
        ssize_t size = read(now.report, now.text + now.used, sizeof(now.text) - now.used);
        if (size <= 0)
            return NULL;
        now.used += (size_t)size;
    }
}

const char *next_line(const char *prefix)
{
    return next_line_until(prefix, patience_ends_ns());
}

void expect_up(const char *word)
{
    if (next_line_until("up", ends_ns(preparation_ms())) == NULL)
        fail("%s", word);
}

bool log_ends_within(int milliseconds)
{
    uint64_t end = ends_ns(milliseconds);
    ssize_t size = 1;
    while (size > 0 && is_readable(now.report, end))
        size = read(now.report, now.text, sizeof(now.text));
    now.used = 0;
    return size == 0;
}

int hold_log(void)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", now.report);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd, "log");
    return fd;
}

const char *expect_line(const char *prefix, const char *word)
{
    const char *rest = next_line(prefix);
    if (rest == NULL)
        fail("%s", word);
    return rest;
}

int await_exit(void)
{
    int status;
    if (!is_readable(now.pidfd, patience_ends_ns()))
        return -1;
    must(waitpid(now.pid, &status, 0), "waitpid");
    now.pid = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void expect_exit(int code)
{
    int got = await_exit();
    if (got < 0)
        fail("hung");
    if (got != code)
        fail("exit %d", got);
}

const char *diagnostics(void)
{
    while (now.diagnosed < sizeof(now.diagnostics) - 1 && is_readable(now.said, 0)) {
        ssize_t size = read(now.said, now.diagnostics + now.diagnosed,
                            sizeof(now.diagnostics) - 1 - now.diagnosed);
        if (size <= 0)
            break;
        now.diagnosed += (size_t)size;
    }
    return now.diagnostics;
}

void expect_diagnostic(const char *text, const char *word)
{
    uint64_t end = patience_ends_ns();
    while (strstr(diagnostics(), text) == NULL) {
        if (clock_monotonic_ns() > end)
            fail("%s", word);
        nap();
    }
}

void finish(void)
{
    if (now.pid != 0) {
        kill(now.pid, SIGKILL);
        waitpid(now.pid, NULL, __WALL);
    }
    close(now.pidfd);
    close(now.report);
    close(now.said);
    close(now.hold);
    if (now.terminal >= 0)
        close(now.terminal);
    now.pid = 0;
    now.terminal = -1;
    now.used = now.diagnosed = 0;
    memset(now.diagnostics, 0, sizeof(now.diagnostics));
}
