/* The listener for nested execs: receive, read, judge, answer, record. */
#include "sandbox/agent-task-sandbox/nested.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/syscalls.h"
#include "lib/base/unix_message.h"
#include "sandbox/agent-task-sandbox/denial.h"
#include "sandbox/agent-task-sandbox/foreign.h"

#ifdef __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE AUDIT_ARCH_X86_64
#endif

/* linux/seccomp.h of Linux 6.6: who asks and who answers share a processor. */
#define NOTIFY_SET_FLAGS _IOW('!', 4, uint64_t)
#define NOTIFY_SYNC_WAKE_UP UINT64_C(1)

/* A build executes a few hundred programs a second on a machine of this kind. What comes faster is
 * counted, not described. */
#define RECORD_NS (2 * CLOCK_NANOSECONDS_PER_MILLISECOND)
#define CREDIT_NS (2 * CLOCK_NANOSECONDS_PER_SECOND)
/* Of argv in a record: most are shorter. */
#define RECORD_ARGUMENTS 1024
/* What the runner has not read yet, in bytes, when records have to wait: the rest of the socket's
 * 208 KiB are for what must not be lost. */
#define RECORD_BACKLOG (160 * 1024)

struct exec {
    struct seccomp_notif question;
    uint64_t path;
    uint64_t arguments;
    char program[PATH_MAX]; /* as called, then with links resolved */
    char directory[PATH_MAX];
    struct foreign_list list;
};

/* Both of these processors have the low half first. */
#define PASS_LOW (offsetof(struct seccomp_data, args) + NESTED_PASS_ARGUMENT * sizeof(uint64_t))
#define PASS_HIGH (PASS_LOW + sizeof(uint32_t))
/* Where the prologue has the halves of the pass. */
#define PASS_LOW_AT 5
#define PASS_HIGH_AT 7

/* Falls through to what comes behind it, with the pass as well. */
static const struct sock_filter prologue[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 8),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 4),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PASS_LOW),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PASS_HIGH),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 1),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
};

int nested_make_filter(const char *path, struct sock_fprog *filter, struct error *err)
{
    struct sock_fprog rest = {.len = 0};
    int result = seccomp_filter_read(path, &rest, err);
    cleanup_free struct sock_filter *instructions = rest.filter;
    size_t count = ARRAY_LENGTH(prologue) + rest.len;

    if (result < 0)
        return result;
    filter->filter = count > BPF_MAXINSNS ? NULL : calloc(count, sizeof(*filter->filter));
    if (filter->filter == NULL)
        return error_set(err, ENOMEM, "make the filter of a sandbox");
    filter->len = (unsigned short)count;
    memcpy(filter->filter, prologue, sizeof(prologue));
    memcpy(filter->filter + ARRAY_LENGTH(prologue), instructions, rest.len * sizeof(*instructions));
    return 0;
}

int nested_listen(const struct sock_fprog *filter, struct nested *nested, struct error *err)
{
    uint64_t pass;
    int fd;

    if (getrandom(&pass, sizeof(pass), 0) != sizeof(pass))
        return error_set(err, errno, "get a random number");
    pass |= 1; /* 0 is none */
    filter->filter[PASS_LOW_AT].k = (uint32_t)pass;
    filter->filter[PASS_HIGH_AT].k = (uint32_t)(pass >> 32);
    fd = seccomp_filter_listen_to(filter);
    if (fd < 0)
        return error_set(err, -fd, "listen to execs");
    (void)ioctl(fd, NOTIFY_SET_FLAGS, NOTIFY_SYNC_WAKE_UP); /* faster where it is known */
    nested->listener = fd;
    nested->pass = pass;
    return 0;
}

static void answer(const struct nested *nested, uint64_t id, int error)
{
    struct seccomp_notif_resp response = {
        .id = id,
        .error = error,
        .flags = error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0,
    };

    (void)ioctl(nested->listener, SECCOMP_IOCTL_NOTIF_SEND, &response); /* ENOENT: it is gone */
}

/* Where PATH of process PID leads, and from where: both as /proc tells. 0 or -errno. */
static int resolve(pid_t pid, struct exec *exec, int dirfd)
{
    char link[64];
    ssize_t length;
    cleanup_fd int base = -1;
    cleanup_fd int found = -1;

    snprintf(link, sizeof(link), "/proc/%d/cwd", pid);
    length = readlink(link, exec->directory, PATH_MAX - 1);
    if (length < 0)
        return -errno;
    exec->directory[length] = '\0';
    if (dirfd != AT_FDCWD)
        snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, dirfd);
    base = exec->program[0] == '/' ? -1 : open(link, O_PATH | O_CLOEXEC);
    found = exec->program[0] == '\0' ? fcntl(base, F_DUPFD_CLOEXEC, 0)
                                     : openat(base, exec->program, O_PATH | O_CLOEXEC);
    if (found < 0)
        return -errno;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
    length = readlink(link, exec->program, PATH_MAX - 1);
    if (length < 0)
        return -errno;
    exec->program[length] = '\0';
    return 0;
}

/* 0 when EXEC says what would run. The kernel itself answers what cannot run. */
static int read_exec(const struct nested *nested, struct exec *exec)
{
    const struct seccomp_data *data = &exec->question.data;
    bool is_at = data->nr == SYS_execveat;
    pid_t pid = (pid_t)exec->question.pid;
    int result =
        foreign_read_string(pid, data->args[is_at ? 1 : 0], exec->program, sizeof(exec->program));

    if (result == 0)
        result = resolve(pid, exec, is_at ? (int)data->args[0] : AT_FDCWD);
    if (result == 0)
        result = foreign_read_list(pid, data->args[is_at ? 2 : 1], &exec->list);
    /* Only now is it certain that all this was read of the process that asked. */
    if (result == 0 &&
        ioctl(nested->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &exec->question.id) < 0)
        result = -errno;
    return result;
}

static bool take_credit(struct nested *nested)
{
    uint64_t now = clock_monotonic_ns();

    nested->credit_ns += now - nested->credited_ns;
    nested->credited_ns = now;
    if (nested->credit_ns > CREDIT_NS)
        nested->credit_ns = CREDIT_NS;
    if (nested->credit_ns < RECORD_NS)
        return false;
    nested->credit_ns -= RECORD_NS;
    return true;
}

static bool has_room(const struct nested *nested)
{
    int unread = 0;

    return ioctl(nested->control, SIOCOUTQ, &unread) == 0 && unread < RECORD_BACKLOG;
}

static void record(struct nested *nested, const struct exec *exec,
                   const struct policy_judgement *judgement)
{
    struct task_nested message = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_NESTED},
        .action = judgement->action,
        .tier = judgement->tier,
        .pid = (int32_t)exec->question.pid,
        .argument_count = (uint32_t)exec->list.count,
        .arguments_size = (uint32_t)exec->list.size,
        .lost = nested->lost,
    };
    struct unix_message packet = {.data = &message, .size = sizeof(message)};

    if (message.arguments_size > RECORD_ARGUMENTS)
        message.arguments_size = RECORD_ARGUMENTS;
    packet.tail = exec->list.bytes;
    packet.tail_size = message.arguments_size;
    snprintf(message.rule, sizeof(message.rule), "%s", judgement->rule);
    snprintf(message.program, sizeof(message.program), "%s", exec->program);
    if (has_room(nested) && take_credit(nested) && unix_message_send(nested->control, &packet) == 0)
        nested->lost = 0;
    else
        nested->lost++;
}

static void tell(struct nested *nested, pid_t pid, const struct policy_judgement *judgement)
{
    if (nested->told != pid)
        denial_say(pid, judgement);
    nested->told = pid;
}

/*
 * What a whole command was approved for is approved inside it. Else nobody is asked here, where a
 * look can be deceived: as a command of its own it would be parked and run as it was shown.
 */
static void settle_ask(const struct nested *nested, struct policy_judgement *judgement)
{
    bool is_approved =
        nested->approved_rule != NULL && strcmp(nested->approved_rule, judgement->rule) == 0;

    judgement->action = is_approved ? TASK_ACTION_SANDBOX : TASK_ACTION_DENY;
    if (!is_approved)
        judgement->instead = "run it as a command of its own, or in front of it "
                             "'agent-task-runnerctl exec --', which asks and waits";
}

static void judge(struct nested *nested, struct exec *exec)
{
    struct policy_command command = {
        .program = exec->program,
        .arguments = exec->list.items,
        .argument_count = exec->list.count,
        .directory = exec->directory,
    };
    struct policy_judgement judgement = {.action = TASK_ACTION_SANDBOX};

    policy_judge(nested->policy, &command, &judgement);
    if (judgement.action == TASK_ACTION_ASK)
        settle_ask(nested, &judgement);
    if (judgement.action == TASK_ACTION_DENY)
        tell(nested, (pid_t)exec->question.pid, &judgement);
    answer(nested, exec->question.id, judgement.action == TASK_ACTION_DENY ? -EACCES : 0);
    record(nested, exec, &judgement);
}

void nested_answer(struct nested *nested)
{
    static struct exec exec; /* large, and a sandbox has one thread */
    struct seccomp_notif *question = &exec.question;

    memset(question, 0, sizeof(*question));
    if (ioctl(nested->listener, SECCOMP_IOCTL_NOTIF_RECV, question) < 0)
        return; /* ENOENT: killed while it waited */
    bool is_command = (pid_t)question->pid == nested->command;
    if (is_command)
        (void)kill(nested->command, SIGSTOP); /* start.c */
    if (is_command || read_exec(nested, &exec) < 0)
        answer(nested, question->id, 0);
    else
        judge(nested, &exec);
}
