/* Calls of execve(2) that somebody who only looks could misread. */
#include "tests/unit/sandbox/hidden_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define CANNOT_TRY 77
#define DESCRIPTOR 99

static char program[] = "/bin/true";
static char stop[] = "stop";
static char *arguments[HIDDEN_CALLS_MANY + 3] = {program, stop};
static char *const environment[] = {NULL};

int hidden_calls_open(void)
{
    int fd = open(program, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? fd : dup2(fd, DESCRIPTOR);
}

static int run(const char *path)
{
    (void)execve(path, arguments, environment);
    return errno;
}

int run_plain(void)
{
    return run(program);
}

int run_harmless(void)
{
    arguments[1] = NULL;
    return run(program);
}

int run_missing(void)
{
    return run("/bin/no-such-program");
}

int run_descriptor(void)
{
    return run("/proc/self/fd/99");
}

int run_thread_descriptor(void)
{
    return run("/proc/thread-self/fd/99");
}

int run_dev_descriptor(void)
{
    return run("/dev/fd/99");
}

int run_bare_descriptor(void)
{
    (void)syscall(SYS_execveat, DESCRIPTOR, "", arguments, environment, AT_EMPTY_PATH);
    return errno;
}

int run_in_proc(void)
{
    return chdir("/proc") < 0 ? CANNOT_TRY : run("self/fd/99");
}

int run_link(void)
{
    return run("link");
}

/* A link to nothing, and one of whose names is a file. */
int run_dangling(void)
{
    return run("nowhere");
}

int run_below_file(void)
{
    return run("/bin/true/x");
}

int run_loop(void)
{
    return run("loop");
}

/* The shell that runs is what its own name in /proc means. */
int run_itself(void)
{
    static char name[] = "sh";
    static char option[] = "-c";
    static char text[] = "exec /proc/self/exe -c 'exit 0'";

    arguments[0] = name;
    arguments[1] = option;
    arguments[2] = text;
    return run("/bin/sh");
}

int run_hidden(void)
{
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return run(program);
}

/* An argument on a page that only this process and the kernel read. */
int run_with_unread_argument(void)
{
    char *page = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return CANNOT_TRY;
    memcpy(page, stop, sizeof(stop));
    arguments[1] = page;
    return run(program);
}

/* The path itself there. */
int run_with_unread_path(void)
{
    char *page = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return CANNOT_TRY;
    memcpy(page, program, sizeof(program));
    return run(page);
}

int run_with_kernel_page(void)
{
    cleanup_file FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "[vvar]") != NULL) {
            arguments[1] = (char *)(uintptr_t)strtoull(line, NULL, 16);
            return run(program);
        }
    }
    return CANNOT_TRY;
}

int run_with_many(void)
{
    for (size_t i = 1; i <= HIDDEN_CALLS_MANY; i++)
        arguments[i] = stop + 3; /* "p" */
    arguments[HIDDEN_CALLS_MANY + 1] = stop;
    return run(program);
}
