/*
 * hidden-exec WAY PROGRAM [ARGUMENT]...: runs PROGRAM in a way that hides from others what it runs.
 *
 *   plain       not at all
 *   descriptor  by the name that an open file has in /proc
 *   link        by a link to that name, made in /tmp
 *   many        behind 8,000 words "-c" and "a.b=c"
 *   undumpable  as a process that nobody may look into
 *   argument    with the last argument on a page that can be written only
 *   path        with the path there
 *   kernel      with an argument more, in a page of the kernel's
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DESCRIPTOR 99
#define NAME "/proc/self/fd/99"
#define LINK "/tmp/hidden-exec-link"
#define MANY 8000
#define WORDS_MAX (MANY + 64)
#define PAGE 4096

static char *words[WORDS_MAX + 1];
static size_t count;

/* A copy of TEXT that the processor lets us read no more than write, and the kernel reads. */
static char *hide(const char *text)
{
    char *page = mmap(NULL, PAGE, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || strlen(text) >= PAGE)
        exit(3);
    memcpy(page, text, strlen(text) + 1);
    return page;
}

static const char *open_program(void)
{
    int fd = open(words[0], O_RDONLY | O_CLOEXEC);
    return fd >= 0 && dup2(fd, DESCRIPTOR) >= 0 ? NAME : NULL;
}

static const char *link_program(void)
{
    (void)unlink(LINK);
    return open_program() != NULL && symlink(NAME, LINK) == 0 ? LINK : NULL;
}

static const char *add_many(void)
{
    memmove(words + 1 + MANY, words + 1, count * sizeof(*words));
    for (size_t i = 1; i <= MANY; i++)
        words[i] = (char *)(uintptr_t)(i % 2 == 1 ? "-c" : "a.b=c");
    return words[0];
}

static const char *become_undumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? words[0] : NULL;
}

static const char *hide_argument(void)
{
    words[count - 1] = hide(words[count - 1]);
    return words[0];
}

static const char *hide_path(void)
{
    return hide(words[0]);
}

static const char *add_page_of_kernel(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
        if (strstr(line, "[vvar]") != NULL)
            words[count++] = (char *)(uintptr_t)strtoull(line, NULL, 16);
    words[count] = NULL;
    return words[0];
}

static const char *name_it(void)
{
    return words[0];
}

/* clang-format off */
static const struct {
    const char *name;
    const char *(*prepare)(void); /* the path to execute */
} ways[] = {
    {"plain",      name_it},
    {"descriptor", open_program},
    {"link",       link_program},
    {"many",       add_many},
    {"undumpable", become_undumpable},
    {"argument",   hide_argument},
    {"path",       hide_path},
    {"kernel",     add_page_of_kernel},
};
/* clang-format on */

int main(int argc, char **argv)
{
    for (int i = 2; i < argc && count < WORDS_MAX - MANY; i++)
        words[count++] = argv[i];
    for (size_t i = 0; count > 0 && i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) != 0)
            continue;
        const char *path = ways[i].prepare();
        if (path != NULL)
            execve(path, words, environ);
        fprintf(stderr, "hidden-exec: %s\n", strerror(errno));
        return 126;
    }
    return 2;
}
