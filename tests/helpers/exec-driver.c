/*
 * The agent of tests of the exec trap: `exec-driver FILE PARALLEL STATUSES` runs each line of FILE,
 * words between tabs of which the last is its marker, so many at a time, and writes "MARKER CODE"
 * for each to STATUSES: the exit code as a shell says it, or -ERRNO when it could not be started.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 64
#define PARALLEL_MAX 64
#define MARKER_SIZE 64

extern char **environ;

static struct run {
    pid_t pid; /* 0: free */
    char marker[MARKER_SIZE];
} runs[PARALLEL_MAX];

static FILE *statuses;

static void tell(const char *marker, int code)
{
    fprintf(statuses, "%s %d\n", marker, code);
    fflush(statuses);
}

static void reap(void)
{
    int status = 0;
    pid_t pid = wait(&status);
    for (size_t i = 0; pid > 0 && i < PARALLEL_MAX; i++) {
        if (runs[i].pid != pid)
            continue;
        tell(runs[i].marker, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
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
    int number = posix_spawn(&run->pid, words[0], NULL, NULL, words, environ);
    if (number == 0)
        return;
    run->pid = 0;
    tell(run->marker, -number);
}

int main(int argc, char **argv)
{
    char line[4096];
    if (argc != 4)
        return 2;
    FILE *file = fopen(argv[1], "re");
    size_t parallel = strtoul(argv[2], NULL, 10);
    statuses = fopen(argv[3], "we");
    if (file == NULL || statuses == NULL || parallel == 0 || parallel > PARALLEL_MAX)
        return 2;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        while (count_running() >= parallel)
            reap();
        start(line);
    }
    while (count_running() > 0)
        reap();
    puts("done");
    return 0;
}
