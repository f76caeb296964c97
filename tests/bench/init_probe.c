/* Measures an init: starts it as PID 1 of a namespace and prints numbers, one "NAME VALUE" a line.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#define STACK_SIZE 65536
#define RUNS_MAX 1000
#define SETTLE_NS 3000000
/* A lost TERM is one after which init still lives this long. */
#define LOST_MS 100
/* Processes of this program are what init runs, not what it costs. */
#define MAIN_NAME "init_main"

struct probe {
    char **command;
    int out[2]; /* init's stdout */
    int in[2];  /* init's stdin */
    pid_t pid;
    uint64_t exec_ns; /* just before the exec */
};

static void die(const char *what)
{
    fprintf(stderr, "init_probe: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int enter(void *context)
{
    struct probe *probe = context;
    if (dup2(probe->in[0], STDIN_FILENO) < 0 || dup2(probe->out[1], STDOUT_FILENO) < 0)
        _exit(126);
    /* A /run of its own, for control sockets, and a /proc that has its numbers, as in a container.
     */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/run", "tmpfs", 0, NULL) < 0 || mount("none", "/proc", "proc", 0, NULL) < 0)
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    probe->exec_ns = clock_monotonic_ns();
    execvp(probe->command[0], probe->command);
    _exit(127);
}

/* Returns when the exec is done: CLONE_VFORK. */
static void start(struct probe *probe)
{
    static char stack[STACK_SIZE] __attribute__((aligned(16)));
    if (pipe2(probe->out, O_CLOEXEC) < 0 || pipe2(probe->in, O_CLOEXEC) < 0)
        die("pipe");
    probe->pid = clone(enter, stack + sizeof(stack),
                       CLONE_VM | CLONE_VFORK | CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, probe);
    if (probe->pid < 0)
        die("clone; a new pid namespace needs root");
    close(probe->out[1]);
    close(probe->in[0]);
}

static void read_bytes(const struct probe *probe, void *data, size_t size)
{
    char *at = data;
    while (size > 0) {
        ssize_t got = read(probe->out[0], at, size);
        if (got <= 0)
            die(probe->command[0]);
        at += got;
        size -= (size_t)got;
    }
}

static void end(struct probe *probe)
{
    kill(probe->pid, SIGKILL);
    if (waitpid(probe->pid, NULL, 0) < 0 && errno != ECHILD)
        die("waitpid");
    close(probe->out[0]);
    close(probe->in[1]);
}

static void pause_ns(uint64_t nanoseconds)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(nanoseconds / CLOCK_NANOSECONDS_PER_SECOND),
                                 .tv_nsec = (long)(nanoseconds % CLOCK_NANOSECONDS_PER_SECOND)},
              NULL);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void print_median(const char *name, uint64_t *numbers, long count)
{
    qsort(numbers, (size_t)count, sizeof(*numbers), compare);
    uint64_t median = numbers[count / 2];
    printf("%s %.1f\n", name, (double)median / 1000);
}

/* How long RUNS starts take until BYTES programs have written, and how long the stops. */
static void measure_start(struct probe *probe, long runs, long bytes)
{
    static uint64_t starts[RUNS_MAX];
    static uint64_t stops[RUNS_MAX];
    char text[16];
    for (long i = 0; i < runs; i++) {
        start(probe);
        read_bytes(probe, text, (size_t)bytes);
        starts[i] = clock_monotonic_ns() - probe->exec_ns;
        pause_ns(SETTLE_NS * (uint64_t)bytes);
        uint64_t begin = clock_monotonic_ns();
        kill(probe->pid, SIGTERM);
        if (waitpid(probe->pid, NULL, 0) != probe->pid)
            die("waitpid");
        stops[i] = clock_monotonic_ns() - begin;
        end(probe);
    }
    print_median("start_us", starts, runs);
    print_median("stop_us", stops, runs);
}

/* The percentage of TERMs lost that come DELAY_US after the exec. */
static void measure_deaf(struct probe *probe, long runs, long delay_us)
{
    long lost = 0;
    for (long i = 0; i < runs; i++) {
        pid_t ended = 0;
        start(probe);
        if (delay_us > 0) /* asleep: a busy wait would take the cpu from init */
            pause_ns((uint64_t)delay_us * 1000);
        kill(probe->pid, SIGTERM);
        for (int waited = 0; waited < LOST_MS && ended == 0; waited++) {
            pause_ns(CLOCK_NANOSECONDS_PER_MILLISECOND);
            ended = waitpid(probe->pid, NULL, WNOHANG);
        }
        lost += ended == 0;
        end(probe);
    }
    printf("lost_percent %.0f\n", (double)lost * 100 / (double)runs);
}

/* The sum of the numbers in the lines of /proc/PID/FILE that begin with PREFIX. */
static uint64_t sum_lines(const char *pid, const char *file, const char *prefix)
{
    char path[64];
    char line[256];
    uint64_t sum = 0;
    snprintf(path, sizeof(path), "/proc/%.16s/%s", pid, file);
    FILE *stream = fopen(path, "re");
    while (stream != NULL && fgets(line, sizeof(line), stream) != NULL) {
        const char *colon = strchr(line, ':');
        if (colon != NULL && memmem(line, (size_t)(colon - line), prefix, strlen(prefix)) != NULL)
            sum += strtoull(colon + 1, NULL, 10);
    }
    if (stream != NULL)
        fclose(stream);
    return sum;
}

static void read_link(const char *pid, const char *name, char target[128])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%.16s/%s", pid, name);
    ssize_t size = readlink(path, target, 127);
    target[size < 0 ? 0 : size] = '\0';
}

struct cost {
    uint64_t resident_kb;
    uint64_t private_kb;
    uint64_t switches;
    int processes;
};

static void add_process(const char *pid, const char *namespace, struct cost *cost)
{
    char text[128];
    read_link(pid, "ns/pid", text);
    if (strcmp(text, namespace) != 0)
        return;
    read_link(pid, "exe", text);
    if (text[0] == '\0' || strstr(text, MAIN_NAME) != NULL)
        return;
    cost->processes++;
    cost->resident_kb += sum_lines(pid, "smaps_rollup", "Rss");
    cost->private_kb += sum_lines(pid, "smaps_rollup", "Private_");
    cost->switches += sum_lines(pid, "status", "ctxt_switches");
}

/* What every process of the namespace costs, those of init_main excepted. */
static struct cost look(const struct probe *probe)
{
    struct cost cost = {0};
    char namespace[128];
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", probe->pid);
    read_link(pid, "ns/pid", namespace);
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        die("/proc");
    for (struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            add_process(entry->d_name, namespace, &cost);
    }
    closedir(proc);
    return cost;
}

/* Memory once BYTES programs run, and how often init wakes in WINDOW seconds without anything to
 * do. */
static void measure_idle(struct probe *probe, long window, long bytes)
{
    char text[16];
    start(probe);
    read_bytes(probe, text, (size_t)bytes);
    pause_ns(CLOCK_NANOSECONDS_PER_SECOND / 2);
    struct cost before = look(probe);
    printf("rss_kb %llu\nprivate_kb %llu\nprocesses %d\n", (unsigned long long)before.resident_kb,
           (unsigned long long)before.private_kb, before.processes);
    if (window > 0) {
        pause_ns((uint64_t)window * CLOCK_NANOSECONDS_PER_SECOND);
        printf("wakeups %llu\n", (unsigned long long)(look(probe).switches - before.switches));
    }
    end(probe);
}

/* Nanoseconds on a cpu: the first number of /proc/PID/schedstat. */
static uint64_t cpu_ns(pid_t pid)
{
    char path[64];
    uint64_t number = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
    FILE *stream = fopen(path, "re");
    char line[128];
    if (stream == NULL || fgets(line, sizeof(line), stream) == NULL)
        die(path);
    number = strtoull(line, NULL, 10);
    fclose(stream);
    return number;
}

/* The wall and cpu time of reaping ORPHANS that die at once. */
static void measure_reap(struct probe *probe, const char *orphans)
{
    char byte;
    uint64_t wall_ns;
    setenv("BENCH_ORPHANS", orphans, 1);
    start(probe);
    read_bytes(probe, &byte, 1);
    pause_ns(CLOCK_NANOSECONDS_PER_SECOND / 5);
    uint64_t before = cpu_ns(probe->pid);
    if (write(probe->in[1], "x", 1) != 1)
        die("write");
    read_bytes(probe, &wall_ns, sizeof(wall_ns));
    printf("wall_ms %.1f\ncpu_ms %.1f\n", (double)wall_ns / 1e6,
           (double)(cpu_ns(probe->pid) - before) / 1e6);
    end(probe);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: init_probe start RUNS BYTES INIT...\n"
              "       init_probe deaf RUNS DELAY_US INIT...\n"
              "       init_probe idle SECONDS BYTES INIT...\n"
              "       init_probe reap ORPHANS - INIT...\n",
              stderr);
        return 2;
    }
    prctl(PR_SET_TIMERSLACK, 1);
    struct probe probe = {.command = argv + 4};
    long first = strtol(argv[2], NULL, 10);
    long second = strtol(argv[3], NULL, 10);
    long runs = first < 1 ? 1 : first > RUNS_MAX ? RUNS_MAX : first;
    if (strcmp(argv[1], "start") == 0)
        measure_start(&probe, runs, second);
    else if (strcmp(argv[1], "deaf") == 0)
        measure_deaf(&probe, runs, second);
    else if (strcmp(argv[1], "idle") == 0)
        measure_idle(&probe, first, second);
    else
        measure_reap(&probe, argv[2]);
    return 0;
}
