/* Searches along PATH while the task runner is killed, and another one takes its place. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/attack/trap.h"

#define SEARCHERS 12
#define SEARCH_MISSING 500

/* A search along a PATH of so many missing directories, as a shell's: each is answered ENOENT. */
static void search(unsigned long missing)
{
    char path[64];
    for (unsigned long i = 0; i < missing; i++) {
        snprintf(path, sizeof(path), "/no/such/%lu/program", i);
        execve(path, attack_whoami, environ);
        if (errno != ENOENT)
            _exit(errno == 0 ? 98 : errno);
    }
    execve(attack_self, attack_whoami, environ);
    _exit(99);
}

static unsigned long searched_until(const char *mark)
{
    unsigned long ran = 0;
    while (access(mark, F_OK) < 0) {
        pid_t pid = fork();
        if (pid == 0)
            search(SEARCH_MISSING);
        int code = attack_wait(pid);
        ran += code == RAN_SANDBOXED;
        /* What a runner had in its hands when it was killed. */
        if (code != RAN_SANDBOXED && code != RELAY_REFUSED && code != 128 + SIGKILL) {
            attack_say("a search ended with %d", code);
            return 0;
        }
    }
    return ran;
}

/* While the runner is killed again and again, until the file MARK in the environment is there. */
bool attack_search(void)
{
    const char *mark = getenv("MARK");
    unsigned long failures = 0;
    pid_t searchers[SEARCHERS];
    for (size_t i = 0; i < SEARCHERS; i++) {
        searchers[i] = fork();
        if (searchers[i] != 0)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(searched_until(mark) > 0 ? 0 : 1);
    }
    for (size_t i = 0; i < SEARCHERS; i++)
        failures += attack_wait(searchers[i]) != 0;
    return failures == 0 || attack_say("%lu of %d searchers failed", failures, SEARCHERS);
}
