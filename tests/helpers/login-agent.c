/*
 * The agent of tests of logins: `login-agent [OPTION...] FILE` says how long the key in its
 * environment is and how long the login in its home, which it opens as an agent's program would,
 * and stays until FILE is there. What they are it says to nobody. Where there is a FILE.renew then,
 * its bytes become that login: written into it, or with FILE.replace put in its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_US 50000

static long size_of(const char *path)
{
    char data[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, data, sizeof(data));
    if (fd >= 0)
        close(fd);
    return (long)count;
}

static void copy(int from, const char *path, int flags)
{
    char data[65536];
    ssize_t count = read(from, data, sizeof(data));
    int to = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    if (to < 0 || write(to, data, (size_t)count) != count)
        printf("cannot renew\n");
    if (to >= 0)
        close(to);
}

static void renew(const char *file, const char *login)
{
    char path[PATH_MAX + 16];
    char beside[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s.renew", file);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return;
    snprintf(path, sizeof(path), "%s.replace", file);
    snprintf(beside, sizeof(beside), "%s.new", login);
    if (access(path, F_OK) < 0)
        copy(from, login, O_TRUNC);
    else
        copy(from, beside, O_CREAT | O_EXCL);
    if (access(path, F_OK) == 0 && rename(beside, login) < 0)
        printf("cannot replace\n");
    close(from);
}

int main(int argc, char **argv)
{
    char path[PATH_MAX];
    const char *key = getenv("ANTHROPIC_API_KEY");
    const char *home = getenv("HOME");
    snprintf(path, sizeof(path), "%s/.claude/.credentials.json", home == NULL ? "" : home);
    printf("key %zu login %ld\n", key == NULL ? 0 : strlen(key), size_of(path));
    /* Its own tools would read files, as a model asks them to. */
    printf("variable in a file %ld\n",
           size_of("/run/agent-secrets/claude/variables/ANTHROPIC_API_KEY"));
    fflush(stdout);
    while (argc > 1 && access(argv[argc - 1], F_OK) != 0)
        usleep(POLL_US);
    if (argc > 1)
        renew(argv[argc - 1], path);
    printf("at the end login %ld\n", size_of(path));
    return 0;
}
