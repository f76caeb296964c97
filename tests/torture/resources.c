/* Resources that run out: processes, memory, room in a file system. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/torture.h"

/* Accounts of nobody else: processes are counted for each. */
#define FIRST_ACCOUNT 53210

static void change_account(void)
{
    uid_t account = FIRST_ACCOUNT + (uid_t)peer_now();
    if (setgid(account) < 0 || setuid(account) < 0)
        broken("setuid");
}

static void allow_two_processes(void)
{
    struct rlimit limit = {.rlim_cur = 2, .rlim_max = 2};
    if (setrlimit(RLIMIT_NPROC, &limit) < 0)
        broken("setrlimit");
    change_account();
}

/* The other process of the account. */
static pid_t start_other(void)
{
    int ends[2];
    char byte;
    if (pipe2(ends, O_CLOEXEC) < 0)
        broken("pipe");
    pid_t pid = fork();
    if (pid < 0)
        broken("fork");
    if (pid == 0) {
        change_account();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)!write(ends[1], "", 1);
        for (;;)
            pause();
    }
    if (read(ends[0], &byte, 1) != 1)
        broken("other process");
    return pid;
}

/* There is no process for main until somebody else of the account ends. */
static void no_process(void)
{
    pid_t other = start_other();
    start(&(struct setting){.command = COMMAND("exit", "42"), .prepare = allow_two_processes});
    if (peer_now() == AGENT_INIT)
        expect_diagnostic("cannot make a process", "says nothing");
    else
        expect_state(init_pid(), 'Z', "hung"); /* they end at once, without being waited for */
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    int code = await_exit();
    if (code != 42)
        fail("gives up");
    pass();
}

/* clang-format off */
const struct item resource_items[] = {
    {"no process can be made for main, for a while", no_process, .fails = PEERS},
    {.name = NULL},
};
/* clang-format on */
