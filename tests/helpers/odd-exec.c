/*
 * Runs a program with arguments or an environment that no shell would give it:
 *
 *   odd-exec no-arguments PROGRAM                  without any, its name included
 *   odd-exec arguments COUNT PROGRAM [ARGUMENT]... with COUNT times "x" in place of each "@"
 *   odd-exec environment PROGRAM [ARGUMENT]...     with variables that are none, or dangerous
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 400000
/* The longest that exec takes: MAX_ARG_STRLEN of execve(2), its NUL included. */
#define LONGEST 131072
#define LONG_COUNT 8

static const char *arguments[ARGUMENTS_MAX + 1];
static char longest[LONGEST];

/* clang-format off */
static const char *const odd[] = {
    "", "=", "=value", "no-equals-sign", "TWICE=1", "TWICE=2", "NEWLINE=a\nb", "ESCAPE=\033[2J", "BYTES=\xff\xfe\x80",
    "\xff=\xc0\x80", "PATH", "PATH=", "PATH=.:/no/such", "HOME=\n", "IFS=/", "TZ=../../../../dev/zero", "LANG=\xff",
    "LC_ALL=../../../tmp", "LOCPATH=/tmp", "LD_PRELOAD=/no/such.so", "LD_LIBRARY_PATH=/tmp",
    "GLIBC_TUNABLES=glibc.malloc.check=3", "MALLOC_CHECK_=3", "MALLOC_PERTURB_=255", "NOTIFY_FD=1", "NOTIFY_FD=-1",
    "STORED_FDS=a:b:c", "ENV=/no/such", "BASH_ENV=/no/such", "POSIXLY_CORRECT=1",
};
/* clang-format on */

static int run(const char *const *environment)
{
    execve(arguments[0], (char *const *)(uintptr_t)arguments,
           (char *const *)(uintptr_t)environment);
    fprintf(stderr, "odd-exec: %s: %s\n", arguments[0], strerror(errno));
    return 125;
}

static int run_nameless(char **words)
{
    static char *const none[] = {NULL};
    execve(words[0], none, environ);
    perror("odd-exec");
    return 125;
}

static int run_many(char **words)
{
    unsigned long count = strtoul(words[0], NULL, 10);
    size_t used = 0;
    for (char **word = words + 1; *word != NULL; word++) {
        unsigned long copies = strcmp(*word, "@") == 0 ? count : 1;
        while (copies-- > 0 && used < ARGUMENTS_MAX)
            arguments[used++] = strcmp(*word, "@") == 0 ? "x" : *word;
    }
    return run((const char *const *)environ);
}

static int run_surrounded(char **words)
{
    static const char *environment[sizeof(odd) / sizeof(odd[0]) + LONG_COUNT + 1];
    size_t used = 0;
    memset(longest, 'L', sizeof(longest) - 1);
    memcpy(longest, "LONG=", 5);
    for (; used < sizeof(odd) / sizeof(odd[0]); used++)
        environment[used] = odd[used];
    for (int i = 0; i < LONG_COUNT; i++)
        environment[used++] = longest;
    for (size_t i = 0; i < ARGUMENTS_MAX && words[i] != NULL; i++)
        arguments[i] = words[i];
    return run(environment);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "no-arguments") == 0)
        return run_nameless(argv + 2);
    if (argc > 3 && strcmp(argv[1], "arguments") == 0)
        return run_many(argv + 2);
    if (argc > 2 && strcmp(argv[1], "environment") == 0)
        return run_surrounded(argv + 2);
    return 2;
}
