/* The listener for nested execs: receive, read, judge, answer, record. */
#include "sandbox/agent-task-sandbox/nested.h"

#include <errno.h>
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
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/unix_message.h"
#include "sandbox/agent-task-sandbox/asked.h"
#include "sandbox/agent-task-sandbox/denial.h"

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
#define RECORDS_AT_ONCE 1000
/* Of argv in a record: most are shorter. */
#define RECORD_ARGUMENTS 1024
/* What the runner has not read yet, in bytes, when records have to wait: the rest of the socket's
 * 208 KiB are for what must not be lost. */
#define RECORD_BACKLOG (160 * 1024)

struct exec {
    struct seccomp_notif question;
    struct asked asked;
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
    allowance_open(&nested->records, RECORDS_AT_ONCE, RECORD_NS, clock_monotonic_ns());
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
        .argument_count = (uint32_t)exec->asked.arguments.count,
        .arguments_size = (uint32_t)exec->asked.arguments.size,
        .lost = nested->lost,
    };
    struct unix_message packet = {.data = &message, .size = sizeof(message)};

    if (message.arguments_size > RECORD_ARGUMENTS)
        message.arguments_size = RECORD_ARGUMENTS;
    packet.tail = exec->asked.arguments.bytes;
    packet.tail_size = message.arguments_size;
    snprintf(message.rule, sizeof(message.rule), "%s", judgement->rule);
    snprintf(message.program, sizeof(message.program), "%s", exec->asked.program);
    if (has_room(nested) && allowance_take(&nested->records, clock_monotonic_ns()) &&
        unix_message_send(nested->control, &packet) == 0) {
        nested->lost = 0;
        return;
    }
    nested->lost++;
    nested->last_lost = message;
    nested->last_lost.arguments_size = 0;
}

void nested_flush(struct nested *nested)
{
    const struct unix_message packet = {.data = &nested->last_lost,
                                        .size = sizeof(nested->last_lost)};

    if (nested->lost == 0 || !has_room(nested))
        return;
    nested->last_lost.lost = nested->lost - 1;
    if (unix_message_send(nested->control, &packet) == 0)
        nested->lost = 0;
}

static void tell(struct nested *nested, pid_t pid, const struct policy_judgement *judgement)
{
    if (nested->told != pid)
        denial_say(pid, judgement);
    nested->told = pid;
}

/*
 * What the command was approved for does not ask again. About the rest nobody is asked here, where
 * a look can be deceived: as a command of its own it would be parked and run as it was shown.
 */
static void refuse_ask(struct policy_judgement *judgement)
{
    judgement->action = TASK_ACTION_DENY;
    judgement->instead = "run it as a command of its own, or in front of it "
                         "'agent-task-runnerctl exec --', which asks and waits";
}

static void judge(const struct nested *nested, const struct asked *asked,
                  struct policy_judgement *judgement)
{
    const struct policy_command command = {
        .program = asked->program,
        .arguments = asked->arguments.items,
        .argument_count = asked->arguments.count,
        .directory = asked->directory,
        .approval = &nested->approval,
    };

    if (asked->known == ASKED_WHOLE)
        policy_judge(nested->policy, &command, judgement);
    else
        policy_judge_unread(nested->policy, asked->known == ASKED_PROGRAM ? asked->program : NULL,
                            judgement);
    if (judgement->action == TASK_ACTION_ASK)
        refuse_ask(judgement);
}

static void judge_and_answer(struct nested *nested, const struct exec *exec)
{
    struct policy_judgement judgement;

    judge(nested, &exec->asked, &judgement);
    if (judgement.action == TASK_ACTION_DENY)
        tell(nested, (pid_t)exec->question.pid, &judgement);
    answer(nested, exec->question.id, judgement.action == TASK_ACTION_DENY ? -EACCES : 0);
    record(nested, exec, &judgement);
}

/* Only while the question waits is it certain that what was read is of the process that asked. */
static bool is_valid(const struct nested *nested, uint64_t id)
{
    return ioctl(nested->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* What cannot run is refused as the kernel would, and not left to it: it would look again. */
static void answer_nested(struct nested *nested, struct exec *exec)
{
    int result = asked_read(&exec->question, &exec->asked);

    if (is_valid(nested, exec->question.id)) {
        if (result < 0)
            answer(nested, exec->question.id, result);
        else
            judge_and_answer(nested, exec);
    }
    asked_free(&exec->asked);
}

void nested_answer(struct nested *nested)
{
    static struct exec exec; /* large, and a sandbox has one thread */
    struct seccomp_notif *question = &exec.question;

    memset(question, 0, sizeof(*question));
    if (ioctl(nested->listener, SECCOMP_IOCTL_NOTIF_RECV, question) < 0)
        return; /* ENOENT: killed while it waited */
    if ((pid_t)question->pid != nested->command) {
        answer_nested(nested, &exec);
        return;
    }
    (void)kill(nested->command, SIGSTOP); /* start.c */
    answer(nested, question->id, 0);
}
