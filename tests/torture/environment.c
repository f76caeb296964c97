/* Odd surroundings: directories, dispositions, privileges, and kernels that lack or refuse calls.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "tests/torture/torture.h"

#define NOBODY 65534
#define LAST_SIGNAL 64

/* Main runs, a stop reaches it, and its code comes out. */
static void expect_works(const struct setting *setting)
{
    start(setting);
    expect_line("up", "no main");
    signal_init(SIGTERM);
    expect_line("clean", "TERM lost");
    expect_exit(42);
}

static void lose_directory(void)
{
    char path[] = "/tmp/torture-XXXXXX";
    if (mkdtemp(path) == NULL || chdir(path) < 0 || rmdir(path) < 0)
        broken("directory");
}

static void no_directory(void)
{
    expect_works(&(struct setting){.command = COMMAND("clean", "42"), .prepare = lose_directory});
    pass();
}

static void ignore_all(void)
{
    for (int number = 1; number <= LAST_SIGNAL; number++)
        (void)signal(number, SIG_IGN);
}

static void ignored(void)
{
    start(&(struct setting){.command = COMMAND("signals"), .prepare = ignore_all});
    int code = await_exit();
    if (code == 99)
        fail("main ignores them too");
    /* Who leaves SIGCHLD ignored hangs or is told that there is no child, whichever comes first. */
    if (code != 42)
        fail("loses main's end");
    pass();
}

static void block_all(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

static void blocked(void)
{
    start(&(struct setting){.command = COMMAND("signals"), .prepare = block_all});
    int code = await_exit();
    if (code == 99)
        fail("main's are blocked too");
    if (code != 42)
        fail("exit %d", code);
    pass();
}

static void make_read_only(void)
{
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        broken("read-only root");
}

static void read_only(void)
{
    struct setting setting = {
        .command = COMMAND("readonly"), .has_mounts = true, .prepare = make_read_only};
    start(&setting);
    expect_exit(42);
    finish();
    setting.command = COMMAND("clean", "42");
    expect_works(&setting);
    pass();
}

static void user_namespace(void)
{
    struct setting setting = {
        .command = COMMAND("clean", "42"), .has_users = true, .has_mounts = true};
    expect_works(&setting);
    pass();
}

/* A stop with an escapee is what most needs a privilege, if any is needed. */
static void expect_stops(const struct setting *setting)
{
    start(setting);
    expect_line("up", "no main");
    signal_init(SIGTERM);
    expect_exit(128 + SIGTERM);
}

static void drop_all(void)
{
    if (capability_limit(0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        broken("capabilities");
}

static void become_nobody(void)
{
    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        broken("setuid");
}

static void no_privileges(void)
{
    struct setting setting = {
        .command = COMMAND("escape", "stubborn"), .grace = "1", .prepare = drop_all};
    expect_stops(&setting);
    finish();
    setting.prepare = become_nobody;
    expect_stops(&setting);
    pass();
}

/* As a kernel or an engine's profile that knows none of these. waitid is refused for pidfds only.
 */
static void refuse_calls(void)
{
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define REFUSE_IF(value)                                \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)
    struct sock_filter filter[] = {
        LOAD(nr),
        REFUSE_IF(SYS_clone3),
        REFUSE_IF(SYS_pidfd_open),
        REFUSE_IF(SYS_pidfd_send_signal),
        REFUSE_IF(SYS_pidfd_getfd),
        REFUSE_IF(SYS_close_range),
        REFUSE_IF(SYS_epoll_pwait2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_waitid, 0, 3),
        LOAD(args[0]),
        REFUSE_IF(P_PIDFD),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LENGTH(filter), .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        broken("seccomp");
    if (syscall(SYS_pidfd_open, getpid(), 0) >= 0 || errno != ENOSYS)
        broken("the filter lets through");
}

static void few_calls(void)
{
    struct setting setting = {.command = COMMAND("clean", "42"), .prepare = refuse_calls};
    expect_works(&setting);
    finish();
    setting.command = COMMAND("escape", "stubborn");
    setting.grace = "1";
    expect_stops(&setting);
    pass();
}

/* As another user, who can trace and read what is his own. */
static void spied_on(void)
{
    start(&(struct setting){.command = COMMAND("spy", "65534"), .has_mounts = true});
    int code = await_exit();
    if (code == 99)
        fail("within reach");
    if (code != 42)
        fail("exit %d", code);
    pass();
}

/* clang-format off */
const struct item environment_items[] = {
    {"the working directory is deleted", no_directory, .bad = "TERM lost"},
    {"signals are ignored from the start", ignored, .fails = PEERS},
    {"signals are blocked from the start", blocked, .fails = BIT(TINI) | BIT(CATATONIT)},
    {"the root is read-only", read_only, .bad = "exit 1"},
    {"in a user namespace", user_namespace, .bad = "TERM lost"},
    {"without SYS_ADMIN, and without any privilege", no_privileges, .bad = "hung"},
    {"a filter refuses clone3, pidfd calls and waitid on pidfds", few_calls, .bad = "TERM lost"},
    {"PID 1 is traced and read by nobody", spied_on, .bad = "exit 1"},
    {.name = NULL},
};
/* clang-format on */
