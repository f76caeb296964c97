/*
 * The agent of tests of the exec trap: `exec-driver FILE PARALLEL STATUSES [CALLERS]` runs each
 * line of FILE, words between tabs of which the last is its marker, so many at a time, and writes
 * "MARKER CODE" for each to STATUSES: the exit code as a shell says it, or -ERRNO when it could not
 * be started. The program `memfd:` is a file in memory, which has no name. With CALLERS, so many
 * processes share the lines, each with so many at a time, until the last line or until FILE is
 * gone; then "MARKER CODE MS" says how long the caller waited.
 */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 64
#define PARALLEL_MAX 64
#define CALLERS_MAX 64
#define MARKER_SIZE 64

extern char **environ;

static struct run {
    pid_t pid; /* 0: free */
    long long started_ms;
    char marker[MARKER_SIZE];
} runs[PARALLEL_MAX];

static FILE *statuses;
static bool is_timed;

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell(const struct run *run, int code)
{
    if (is_timed)
        fprintf(statuses, "%s %d %lld\n", run->marker, code, now_ms() - run->started_ms);
    else
        fprintf(statuses, "%s %d\n", run->marker, code);
    fflush(statuses);
}

static void reap(void)
{
    int status = 0;
    pid_t pid = wait(&status);
    for (size_t i = 0; pid > 0 && i < PARALLEL_MAX; i++) {
        if (runs[i].pid != pid)
            continue;
        tell(&runs[i], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        runs[i].pid = 0;
    }
}

static size_t count_running(void)
{
    size_t count = 0;
    for (size_t i = 0; i < PARALLEL_MAX; i++)
        count += runs[i].pid != 0;
    return count;
}

static struct run *find_free(void)
{
    size_t i = 0;
    while (runs[i].pid != 0)
        i++;
    return &runs[i];
}

static void start(char *line)
{
    char *words[WORDS_MAX + 1];
    size_t used = 0;
    for (char *word = line; word != NULL && used < WORDS_MAX; used++) {
        char *end = strchr(word, '\t');
        words[used] = word;
        word = end == NULL ? NULL : end + 1;
        if (end != NULL)
            *end = '\0';
    }
    words[used] = NULL;
    struct run *run = find_free();
    snprintf(run->marker, sizeof(run->marker), "%s", words[used - 1]);
    run->started_ms = now_ms();
    char nameless[32];
    int fd = strcmp(words[0], "memfd:") == 0 ? memfd_create("program", 0) : -1;
    snprintf(nameless, sizeof(nameless), "/proc/self/fd/%d", fd);
    int number = posix_spawn(&run->pid, fd < 0 ? words[0] : nameless, NULL, NULL, words, environ);
    if (fd >= 0)
        close(fd);
    if (number == 0)
        return;
    run->pid = 0;
    tell(run, -number);
}

/* Every one of so many lines, from the first of this caller on. */
static int call(const char *path, size_t parallel, size_t first, size_t callers)
{
    char line[4096];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 2;
    for (size_t i = 0; fgets(line, sizeof(line), file) != NULL; i++) {
        if (i % callers != first)
            continue;
        if (is_timed && access(path, F_OK) < 0)
            break;
        line[strcspn(line, "\n")] = '\0';
        while (count_running() >= parallel)
            reap();
        start(line);
    }
    while (count_running() > 0)
        reap();
    fclose(file);
    return 0;
}

/* A caller that was killed, or failed, is not "done". */
static int call_at_once(const char *path, size_t parallel, size_t callers)
{
    int worst = 0;
    int status = 0;
    for (size_t i = 0; i < callers; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(call(path, parallel, i, callers));
        worst = pid < 0 ? 2 : worst;
    }
    while (wait(&status) > 0)
        worst = status != 0 ? 2 : worst;
    return worst;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5)
        return 2;
    size_t parallel = strtoul(argv[2], NULL, 10);
    size_t callers = argc == 5 ? strtoul(argv[4], NULL, 10) : 1;
    statuses = fopen(argv[3], "we");
    is_timed = argc == 5;
    if (statuses == NULL || parallel == 0 || parallel > PARALLEL_MAX || callers == 0 ||
        callers > CALLERS_MAX)
        return 2;
    int result =
        is_timed ? call_at_once(argv[1], parallel, callers) : call(argv[1], parallel, 0, 1);
    if (result == 0)
        puts("done");
    return result;
}
