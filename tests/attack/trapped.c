/*
 * Runs a program as another user below the exec trap, as agentcli-exec does: a filter with a
 * listener, which the task runner gets. trapped [--untrapped] UID PROGRAM [ARGUMENT...]
 */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
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

static int fail(const char *what)
{
    fprintf(stderr, "trapped: %s: %s\n", what, strerror(errno));
    return 125;
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
                       SECCOMP_FILTER_FLAG_NEW_LISTENER |
                           SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                       &program);
}

static int hand_over(int runner)
{
    const struct task_request request = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_LISTENER}, .pid = getpid()};
    struct task_reply reply;
    cleanup_fd int listener = listen_to_execs();
    if (listener < 0)
        return -1;
    const struct unix_message message = {
        .data = &request, .size = sizeof(request), .fds = &listener, .fd_count = 1};
    if (unix_message_send(runner, &message) < 0 || recv(runner, &reply, sizeof(reply), 0) <= 0)
        return -1;
    errno = (int)reply.code;
    return reply.header.type == TASK_END ? 0 : -1;
}

int main(int argc, char **argv)
{
    bool is_trapped = argc < 2 || strcmp(argv[1], "--untrapped") != 0;
    char **rest = argv + (is_trapped ? 1 : 2);
    if (argc < (is_trapped ? 3 : 4))
        return fail("usage: trapped [--untrapped] UID PROGRAM [ARGUMENT...]");
    uid_t uid = (uid_t)strtoul(rest[0], NULL, 10);
    int runner = is_trapped ? connect_runner() : -1;
    if (is_trapped && runner < 0)
        return fail("connect");
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail("become another user");
    if (is_trapped && hand_over(runner) < 0)
        return fail("hand the listener over");
    if (runner >= 0)
        close(runner);
    execv(rest[1], rest + 1);
    return fail(rest[1]);
}
