/* Resources that run out: processes, memory, room in a file system. */
#include <sys/resource.h>
#include <unistd.h>

#include "tests/torture/torture.h"

/* Accounts of nobody else: processes are counted for each. */
#define FIRST_ACCOUNT 53210

static void allow_one_process(void)
{
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
    uid_t account = FIRST_ACCOUNT + (uid_t)peer_now();
    if (setrlimit(RLIMIT_NPROC, &limit) < 0 || setgid(account) < 0 || setuid(account) < 0)
        broken("setuid");
}

/* There is no process for main until somebody else of the account ends. */
static void no_process(void)
{
    struct rlimit more = {.rlim_cur = 10, .rlim_max = 10};
    start(&(struct setting){.command = COMMAND("exit", "42"), .prepare = allow_one_process});
    if (peer_now() == AGENT_INIT) {
        expect_diagnostic("cannot make a process", "says nothing");
        if (prlimit(init_pid(), RLIMIT_NPROC, &more, NULL) < 0)
            broken("prlimit");
    }
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
