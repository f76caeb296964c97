/*
 * Attacks on the exec trap, as the uid of a vendor's program below its filter.
 *     trap [--free|--naive] UID ATTACK
 * Ordinarily the task runner gets the listener, as from agentcli-exec. The controls: without any
 * filter (--free), or below a guard that looks at the path and lets the call go on (--naive).
 */
#include "tests/attack/trap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"
#include "lib/base/unix_message.h"
#include "lib/wire/task_protocol.h"

#ifdef __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE AUDIT_ARCH_X86_64
#endif
#define EXIT_BROKEN 125

const char *attack_self;
static char whoami_name[] = "whoami";
char *const attack_whoami[] = {whoami_name, NULL};

/* clang-format off */
static const struct {
    const char *name;
    bool (*run)(void);
} attacks[] = {
    {"swap-by-thread",  attack_swap_by_thread},
    {"swap-by-process", attack_swap_by_process},
    {"swap-by-vfork",   attack_swap_by_vfork},
    {"two-threads",     attack_two_threads},
    {"swap-arguments",  attack_swap_arguments},
    {"swap-own-arguments", attack_swap_own_arguments},
    {"swap-program",    attack_swap_program},
    {"swap-link",       attack_swap_link},
    {"swap-way",        attack_swap_way},
    {"swap-script",     attack_swap_script},
    {"rewrite-program", attack_rewrite_program},
    {"rewrite-script",  attack_rewrite_script},
    {"aliases",         attack_aliases},
    {"nameless",        attack_nameless},
    {"nameless-storm",  attack_nameless_storm},
    {"refusals",        attack_refusals},
    {"errors",          attack_errors},
    {"stack",           attack_stack},
    {"pointers",        attack_pointers},
    {"traced",          attack_traced},
    {"listener",        attack_listener},
    {"signals",         attack_signals},
    {"registers",       attack_registers},
    {"stops",           attack_stops},
    {"deaths",          attack_deaths},
    {"spawns",          attack_spawns},
    {"thread",          attack_thread},
    {"stopped-relays",  attack_stopped_relays},
    {"taken-number",    attack_taken_number},
    {"search",          attack_search},
    {"names",           attack_names},
    {"scripts",         attack_scripts},
    {"environment",     attack_environment},
    {"own-filters",     attack_own_filters},
    {"undumpable",      attack_undumpable},
    {"arguments",       attack_arguments},
    {"turns",           attack_turns},
    {"descriptors",     attack_descriptors},
    {"streams",         attack_streams},
    {"foreign-terminal", attack_foreign_terminal},
    {"directory",       attack_directory},
    {"swap-directory",  attack_swap_directory},
    {"services",        attack_services},
    {"rate",            attack_rate},
    {"flood",           attack_flood},
    {"few-descriptors", attack_few_descriptors},
    {"relay",           attack_relay},
    {"closed-relay",    attack_closed_relay},
    {"early",           attack_early},
};
/* clang-format on */

unsigned long attack_count(unsigned long few, unsigned long many)
{
    const char *tries = getenv("TRIES");
    const char *soak = getenv("SOAK");
    if (tries != NULL)
        return strtoul(tries, NULL, 10);
    return soak != NULL && strcmp(soak, "1") == 0 ? many : few;
}

bool attack_say(const char *format, ...)
{
    int number = errno;
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf(" (errno %s)\n", strerror(number));
    return false;
}

int attack_wait(pid_t pid)
{
    int status;
    if (pid <= 0 || waitpid(pid, &status, __WALL) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int fail(const char *what)
{
    fprintf(stderr, "trap: %s: %s\n", what, strerror(errno));
    return EXIT_BROKEN;
}

static int connect_runner(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = TASK_RUNNER_SOCKET};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

static int listen_to_execs(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LENGTH(filter), .filter = filter};
    return sys_seccomp(SECCOMP_SET_MODE_FILTER,
                       SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                       &program);
}

/* A request of its own shape serves for both guards: who has the listener answers it. */
static int hand_over(int guard)
{
    const struct task_request request = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_LISTENER}, .pid = getpid()};
    struct task_reply reply = {.code = EPROTO};
    cleanup_fd int listener = listen_to_execs();
    if (listener < 0)
        return -1;
    const struct unix_message message = {
        .data = &request, .size = sizeof(request), .fds = &listener, .fd_count = 1};
    if (unix_message_send(guard, &message) < 0 || recv(guard, &reply, sizeof(reply), 0) <= 0)
        return -1;
    errno = (int)reply.code;
    return reply.header.type == TASK_END ? 0 : -1;
}

/* SIZE bytes of the caller's memory at ADDRESS; what is not there stays zero. */
static void peek(const struct seccomp_notif *notification, uint64_t address, void *data,
                 size_t size)
{
    struct iovec mine = {.iov_base = data, .iov_len = size};
    struct iovec theirs = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    process_vm_readv((pid_t)notification->pid, &mine, 1, &theirs, 1, 0);
}

/* The harmless program, or this one with a first argument that is permitted. */
static bool looks_harmless(const struct seccomp_notif *notification)
{
    char path[sizeof(HARMLESS)] = "";
    char word[sizeof(LOOK_PERMITTED)] = "";
    uint64_t arguments[2] = {0, 0};
    peek(notification, notification->data.args[0], path, sizeof(path));
    if (strncmp(path, HARMLESS, sizeof(path)) == 0)
        return true;
    peek(notification, notification->data.args[1], arguments, sizeof(arguments));
    peek(notification, arguments[1], word, sizeof(word));
    return strncmp(word, LOOK_PERMITTED, sizeof(word)) == 0;
}

/* What many guards do: they look at the path, and the kernel reads it again. */
static void guard_naively(int connection)
{
    static struct seccomp_notif notification;
    const struct task_reply reply = {.header = {.type = TASK_END}};
    struct task_request request;
    struct unix_fds fds = {.count = 0};
    while (unix_message_receive(connection, &request, sizeof(request), &fds) == -EAGAIN)
        usleep(1000);
    (void)unix_message_send(connection,
                            &(struct unix_message){.data = &reply, .size = sizeof(reply)});
    for (;;) {
        struct pollfd wait = {.fd = fds.fds[0], .events = POLLIN};
        /* Nobody is left below the filter. */
        if (poll(&wait, 1, -1) < 0 || (wait.revents & POLLHUP) != 0)
            _exit(0);
        memset(&notification, 0, sizeof(notification));
        if (ioctl(fds.fds[0], SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0)
            continue;
        bool is_harmless = looks_harmless(&notification);
        struct seccomp_notif_resp response = {
            .id = notification.id,
            .error = is_harmless ? 0 : -EACCES,
            .flags = is_harmless ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0};
        ioctl(fds.fds[0], SECCOMP_IOCTL_NOTIF_SEND, &response);
    }
}

static int start_naive_guard(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[1]);
        guard_naively(ends[0]);
    }
    close(ends[0]);
    return ends[1];
}

static int run_attack(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(attacks); i++) {
        if (strcmp(attacks[i].name, name) == 0)
            return attacks[i].run() ? 0 : 1;
    }
    errno = ENOENT;
    return fail(name);
}

static bool has_more_descriptors(void)
{
    for (int fd = STDERR_FILENO + 1; fd < 256; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            return true;
    }
    return false;
}

static unsigned long number_in(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtoul(text, NULL, 10);
}

/* As "whoami": what is to be looked at, then who this is. */
static int tell(int argc, char **argv)
{
    const char *look = argc > 1 ? argv[1] : "";
    struct stat here = {.st_ino = 0};
    if (strcmp(look, LOOK_FORBIDDEN) == 0)
        return RAN_FORBIDDEN;
    if (strcmp(look, LOOK_AT_DESCRIPTORS) == 0 && has_more_descriptors())
        return RAN_WITH_MORE;
    if (strcmp(look, LOOK_AT_COUNT) == 0 && (unsigned long)argc != number_in("COUNT"))
        return RAN_WITH_MORE;
    if (strcmp(look, LOOK_AT_DIRECTORY) == 0 &&
        (stat(".", &here) < 0 || here.st_ino != number_in("INODE")))
        return RAN_ELSEWHERE;
    return getenv("ATTACKER") != NULL && getuid() == number_in("ATTACKER") ? RAN_FREE
                                                                           : RAN_SANDBOXED;
}

static bool is_whoami(int argc, char **argv)
{
    return argc <= 1 || strcmp(argv[0], "whoami") == 0 || strcmp(argv[1], "whoami") == 0;
}

int main(int argc, char **argv)
{
    bool is_free = argc > 1 && strcmp(argv[1], "--free") == 0;
    bool is_naive = argc > 1 && strcmp(argv[1], "--naive") == 0;
    char **rest = argv + 1 + (is_free || is_naive);
    attack_self = "/proc/self/exe";
    if (is_whoami(argc, argv))
        return tell(argc, argv);
    if (rest + 2 != argv + argc)
        return fail("usage: trap [--free|--naive] UID ATTACK");
    attack_self = argv[0];
    uid_t uid = (uid_t)strtoul(rest[0], NULL, 10);
    setenv("ATTACKER", rest[0], 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int guard = is_naive ? start_naive_guard() : is_free ? -1 : connect_runner();
    if (guard < 0 && !is_free)
        return fail("connect");
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        return fail("become another user");
    if (guard >= 0 && hand_over(guard) < 0)
        return fail("hand the listener over");
    return run_attack(rest[1]);
}
