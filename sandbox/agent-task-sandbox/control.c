/* What the runner says to a sandbox, as a table: which message, in which phase, and what is done.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/init.h"

/* The largest message that the runner sends. */
union control_message {
    struct task_header header;
    struct task_start start;
    struct task_go go;
    struct task_signal signal;
};

static void on_start(struct init *init, union control_message *message, struct unix_fds *fds)
{
    struct task *task = &init->task;

    message->start.profile[TASK_PROFILE_SIZE - 1] = '\0';
    message->start.program[PATH_MAX - 1] = '\0';
    task_prepare(task, init->settings, &message->start, fds);
    init->client.fd = unix_fds_take(fds, 0);
    init->phase = PHASE_JUDGED;
    init_watch_log(init);
    reply_verdict(init);
    init_expect_command(init);
}

/* The verdict and the task stay as they are while the command runs. */
static void remember_approval(struct init *init)
{
    const struct exec_event *verdict = &init->task.verdict.event;
    struct nested *nested = &init->nested;
    bool is_inner = (verdict->asked.flags & TASK_ASKED_INNER) != 0;

    nested->approved = task_command(&init->task);
    nested->approval.rule = verdict->rule;
    nested->approval.command = is_inner ? &nested->approved : NULL;
}

/* What was asked comes back as one of two answers, and everything else as it was. */
static void take_answer(struct init *init, const struct task_go *go)
{
    struct exec_event *verdict = &init->task.verdict.event;
    bool was_asked = verdict->action == TASK_ACTION_ASK;

    if (was_asked && (go->action == TASK_ACTION_SANDBOX || go->action == TASK_ACTION_DENY)) {
        verdict->action = go->action;
        snprintf(verdict->text, sizeof(verdict->text), "%.*s", (int)sizeof(go->text), go->text);
        if (go->action == TASK_ACTION_SANDBOX)
            remember_approval(init);
    }
    if (verdict->action != go->action)
        init_end();
}

static void on_go(struct init *init, union control_message *message, struct unix_fds *fds)
{
    const struct exec_event *verdict = &init->task.verdict.event;

    (void)fds;
    take_answer(init, &message->go);
    if (verdict->action == TASK_ACTION_SANDBOX) {
        init_watch_client(init);
        init_start_command(init);
        return;
    }
    reply_refusal(init, verdict->action == TASK_ACTION_DENY ? TASK_DENIED : TASK_FAILED,
                  verdict->text);
    init_end();
}

static bool is_ending(uint32_t signal)
{
    return signal == SIGTERM || signal == SIGHUP || signal == SIGINT || signal == SIGQUIT ||
           signal == SIGKILL;
}

/* A command that waits for an answer is no process yet that could die of it. */
static void on_signal(struct init *init, union control_message *message, struct unix_fds *fds)
{
    (void)fds;
    if (init->phase == PHASE_JUDGED && is_ending(message->signal.signal)) {
        reply_refusal(init, TASK_DENIED, "ended by a signal before anybody answered");
        init_end();
    }
    init_signal_command(init, message->signal.signal);
}

static void on_logs(struct init *init, union control_message *message, struct unix_fds *fds)
{
    (void)message;
    reply_log(init, fds->count == 1 ? fds->fds[0] : -1);
}

static void on_stop(struct init *init, union control_message *message, struct unix_fds *fds)
{
    (void)message;
    (void)fds;
    init_stop(init);
}

/* clang-format off */
static const struct {
    uint32_t type;
    size_t size;
    enum phase first;
    enum phase last;
    void (*handle)(struct init *init, union control_message *message, struct unix_fds *fds);
} messages[] = {
    {TASK_START,  sizeof(struct task_start),  PHASE_WARM,     PHASE_WARM,      on_start},
    {TASK_GO,     sizeof(struct task_go),     PHASE_JUDGED,   PHASE_JUDGED,    on_go},
    {TASK_SIGNAL, sizeof(struct task_signal), PHASE_JUDGED,   PHASE_LINGERING, on_signal},
    {TASK_LOGS,   sizeof(struct task_header), PHASE_JUDGED,   PHASE_LINGERING, on_logs},
    {TASK_STOP,   sizeof(struct task_header), PHASE_RUNNING,  PHASE_LINGERING, on_stop},
};
/* clang-format on */

static void dispatch(struct init *init, union control_message *message, size_t size,
                     struct unix_fds *fds)
{
    for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
        if (message->header.type == messages[i].type && size == messages[i].size &&
            message->header.version == TASK_PROTOCOL_VERSION && init->phase >= messages[i].first &&
            init->phase <= messages[i].last) {
            messages[i].handle(init, message, fds);
            return;
        }
    }
    init_end(); /* not a runner of ours */
}

void control_on_runner(void *context, uint32_t events)
{
    static union control_message message; /* large */
    struct init *init = context;
    struct error err = ERROR_INITIALIZER;
    struct unix_fds fds = {.count = 0};
    ssize_t size = unix_message_receive(init->control, &message, sizeof(message), &fds);

    (void)events;
    if (size == -EAGAIN)
        return;
    if (size == -EMSGSIZE && init->phase == PHASE_WARM) {
        error_set(&err, EMFILE, "receive its descriptors");
        init_give_up(init->control, "the command cannot be taken over", &err);
    }
    if (size < (ssize_t)sizeof(message.header))
        init_end(); /* the runner is gone, and nobody is left to answer to */
    dispatch(init, &message, (size_t)size, &fds);
    unix_fds_close(&fds);
}
