/* What the exec benchmark runs: spawns a program many times and times each from the spawn to its
 * end, and waits in a session to be told to. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 64
#define REQUEST_MAX 8192
#define LOOK_NS 20000000
#define CALLERS_MAX 64

extern char **environ;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Nanoseconds that one run of WORDS takes; 0 when it failed. */
static uint64_t time_one(char *const *words, const posix_spawn_file_actions_t *streams)
{
    pid_t pid;
    int status = -1;
    uint64_t start = now_ns();
    if (posix_spawn(&pid, words[0], streams, NULL, words, environ) != 0)
        return 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    uint64_t spent = now_ns() - start;
    return status == 0 ? spent : 0;
}

/* One caller: its COUNT times go to TIMES. Starts when GATE closes. */
static void call(uint64_t *times, unsigned long count, int gate, char *const *words)
{
    posix_spawn_file_actions_t streams;
    char byte;
    posix_spawn_file_actions_init(&streams);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&streams, fd, "/dev/null", O_RDWR, 0);
    if (read(gate, &byte, 1) != 0)
        _exit(1);
    for (unsigned long i = 0; i < count; i++)
        times[i] = time_one(words, &streams);
    _exit(0);
}

static int compare(const void *one, const void *other)
{
    const uint64_t *a = one, *b = other;
    return (*a > *b) - (*a < *b);
}

/* Sorted TIMES: failed ones are 0, in front. */
static int report(const char *path, uint64_t *times, unsigned long count, uint64_t wall_ns)
{
    char temporary[4096];
    unsigned long failed = 0;
    qsort(times, count, sizeof(*times), compare);
    while (failed < count && times[failed] == 0)
        failed++;
    const uint64_t *good = times + failed;
    unsigned long good_count = count - failed;
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *file = fopen(temporary, "w");
    if (file == NULL)
        return 1;
    fprintf(file, "failed %lu\nrate %.1f\n", failed,
            (double)good_count / ((double)wall_ns / 1000000000.0));
    if (good_count > 0) {
        unsigned long median = good_count / 2, late = good_count * 99 / 100;
        fprintf(file, "p50 %.1f\np99 %.1f\n", (double)good[median] / 1000.0,
                (double)good[late] / 1000.0);
    }
    return fclose(file) == 0 && chmod(temporary, 0666) == 0 && rename(temporary, path) == 0 ? 0 : 1;
}

/* COUNT runs of WORDS by CALLERS at once; microseconds and runs a second go to PATH. */
static int measure(unsigned long count, unsigned long callers, const char *path, char *const *words)
{
    int gate[2];
    int result = 0;
    unsigned long each = callers > 0 ? count / callers : 0;
    if (each == 0 || callers > CALLERS_MAX || pipe(gate) < 0)
        return 2;
    uint64_t *times = mmap(NULL, each * callers * sizeof(*times), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (times == MAP_FAILED)
        return 2;
    for (unsigned long i = 0; i < callers; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return 2;
        if (pid == 0) {
            close(gate[1]);
            call(times + i * each, each, gate[0], words);
        }
    }
    uint64_t start = now_ns();
    close(gate[1]);
    for (unsigned long i = 0; i < callers; i++) {
        int status = -1;
        wait(&status);
        result |= status;
    }
    uint64_t wall_ns = now_ns() - start;
    close(gate[0]);
    return result != 0 ? 3 : report(path, times, each * callers, wall_ns);
}

/* A request: lines, the words of a command line of this program. */
static int serve_one(const char *path)
{
    char text[REQUEST_MAX];
    char *words[WORDS_MAX + 1];
    size_t used = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (size < 0)
        return -1;
    close(fd);
    text[size] = '\0';
    for (char *word = text; *word != '\0' && used < WORDS_MAX; used++) {
        char *end = word + strcspn(word, "\n");
        words[used] = word;
        word = *end == '\0' ? end : end + 1;
        *end = '\0';
    }
    words[used] = NULL;
    unlink(path);
    if (used == 1 && strcmp(words[0], "stop") == 0)
        return 0;
    if (used < 4 ||
        measure(strtoul(words[0], NULL, 10), strtoul(words[1], NULL, 10), words[2], words + 3) != 0)
        fprintf(stderr, "exec_probe: a request failed\n");
    return 1;
}

/* Looks for requests at PATH until one says stop. */
static int serve(const char *path)
{
    puts("serving");
    fflush(stdout);
    while (serve_one(path) != 0)
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    if (argc > 5 && strcmp(argv[1], "measure") == 0)
        return measure(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), argv[4], argv + 5);
    fprintf(stderr, "usage: exec_probe serve FILE\n"
                    "       exec_probe measure COUNT CALLERS FILE PROGRAM [ARGUMENT...]\n");
    return 2;
}
