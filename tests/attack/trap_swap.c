/* A program changes between the verdict on it and its exec, by the same path. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "tests/attack/trap.h"

#define PATH_SIZE 64
#define EXCHANGE 2 /* RENAME_EXCHANGE: renameat2(2) */

static char judged[PATH_SIZE];
static char other[PATH_SIZE];
static const char *called = judged; /* what is executed: that, or what lies in it */
static char kept[PATH_SIZE];        /* what the judged one was at first */

/* Microseconds: the longest wait between two changes. Twice what a try takes, whatever the machine
 * has beside this to do, so that some tries see a change and some do not. */
static _Atomic unsigned longest_wait = 1000;

static void wait_for_change(unsigned *seed)
{
    usleep((unsigned)rand_r(seed) % longest_wait);
}

static void *exchange(void *unused)
{
    unsigned seed = 1;
    (void)unused;
    for (;;) {
        (void)syscall(SYS_renameat2, AT_FDCWD, judged, AT_FDCWD, other, EXCHANGE);
        wait_for_change(&seed);
    }
    return NULL;
}

/* The same file, with the bytes of the one and then of the other. What is executed cannot be opened
 * for writing, and the other way round. */
static void *rewrite(void *unused)
{
    unsigned seed = 1;
    (void)unused;
    for (unsigned i = 1;; i++) {
        cleanup_fd int fd = open(judged, O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (fd >= 0)
            (void)attack_copy(i % 2 == 0 ? kept : other, fd);
        cleanup_close(&fd);
        wait_for_change(&seed);
    }
    return NULL;
}

static bool place_copy(const char *path, const char *from)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    return fd >= 0 && attack_copy(from, fd) == 0;
}

static bool place_text(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
           fchmod(fd, 0755) == 0;
}

static bool make_places(void)
{
    char directory[] = "/tmp/swap-XXXXXX";
    if (mkdtemp(directory) == NULL || chmod(directory, 0755) < 0)
        return false;
    snprintf(judged, sizeof(judged), "%s/judged", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
    snprintf(kept, sizeof(kept), "%s/kept", directory);
    return true;
}

/* What a rule denies by its digest takes the place of what it permits, again and again. */
static bool count_wins(void *(*change)(void *unused))
{
    char look[] = LOOK_FORBIDDEN;
    char *const arguments[] = {attack_whoami[0], look, NULL};
    const struct attack_exec exec = {AT_FDCWD, called, 0, arguments, NULL};
    unsigned long tries = attack_count(200, 10000);
    unsigned long wins = 0;
    unsigned long ran = 0;
    pthread_t thread;
    if (pthread_create(&thread, NULL, change, NULL) != 0)
        return attack_say("start a thread");
    for (unsigned long i = 0; i < tries; i++) {
        uint64_t start = clock_monotonic_ns();
        int code = attack_try(&exec);
        longest_wait = 1 + (unsigned)(2 * (clock_monotonic_ns() - start) / 1000);
        wins += code == RAN_FORBIDDEN;
        ran += code == 0;
    }
    printf("%lu tries, %lu ran what is denied, %lu what is not\n", tries, wins, ran);
    return (wins == 0 && ran > 0) || attack_say("%lu wins, %lu ran", wins, ran);
}

static bool place_programs(void)
{
    return (make_places() && place_copy(judged, HARMLESS) && place_copy(kept, HARMLESS) &&
            place_copy(other, THIS_PROGRAM)) ||
           attack_say("make programs");
}

static bool place_scripts(void)
{
    static const char harmless[] = "#!/bin/sh\nexit 0\n";
    return (make_places() && place_text(judged, harmless) && place_text(kept, harmless) &&
            place_text(other, "#!/bin/sh\nexit 43\n")) ||
           attack_say("make scripts");
}

bool attack_swap_program(void)
{
    return place_programs() && count_wins(exchange);
}

bool attack_rewrite_program(void)
{
    return place_programs() && count_wins(rewrite);
}

/* What runs is root's, and only the way to it is not: a link to it, and a link to its directory. */
bool attack_swap_link(void)
{
    return make_places() && symlink(HARMLESS, judged) == 0 && place_copy(other, THIS_PROGRAM)
               ? count_wins(exchange)
               : attack_say("make a link");
}

bool attack_swap_way(void)
{
    static char program[PATH_SIZE + sizeof("/true")];
    static char copy[PATH_SIZE + sizeof("/true")];
    if (!make_places())
        return attack_say("make places");
    snprintf(program, sizeof(program), "%s/true", judged);
    snprintf(copy, sizeof(copy), "%s/true", other);
    called = program;
    return symlink("/usr/bin", judged) == 0 && mkdir(other, 0755) == 0 && chmod(other, 0755) == 0 &&
                   place_copy(copy, THIS_PROGRAM)
               ? count_wins(exchange)
               : attack_say("make a way");
}

/* Whoever reads a script opens it again, when nobody can look any more: docs/exec-trap.md. */
bool attack_swap_script(void)
{
    return place_scripts() && count_wins(exchange);
}

bool attack_rewrite_script(void)
{
    return place_scripts() && count_wins(rewrite);
}
