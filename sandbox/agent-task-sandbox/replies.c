/* What a sandbox's first process tells its runner and its client. */
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/init.h"

void reply_to_runner(const struct init *init, const void *data, size_t size)
{
    const struct unix_message message = {.data = data, .size = size};

    if (unix_message_send(init->control, &message) < 0)
        init_end();
}

void reply_to_client(struct init *init, const struct task_reply *reply, int fd)
{
    struct task_reply full = *reply;
    const struct unix_message message = {
        .data = &full, .size = sizeof(full), .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};

    full.header.version = TASK_PROTOCOL_VERSION;
    memcpy(full.id, init->id, sizeof(full.id));
    if (init->client.fd >= 0)
        (void)unix_message_send(init->client.fd, &message);
}

void reply_refusal(struct init *init, uint32_t type, const char *text)
{
    struct task_reply reply = {.header.type = type, .code = init->task.exit_code};

    snprintf(reply.text, sizeof(reply.text), "%s", text);
    reply_to_client(init, &reply, -1);
}

void reply_ended(const struct init *init, int wait_status)
{
    const struct task_ended ended = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_ENDED},
        .wait_status = (uint32_t)wait_status,
    };

    reply_to_runner(init, &ended, sizeof(ended));
}

void reply_log(const struct init *init, int connection)
{
    cleanup_fd int log = log_share(&init->task.log);
    struct task_reply reply = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = log < 0 ? TASK_ERROR : TASK_END},
        .code = log < 0 ? (uint32_t)-log : 0,
    };
    const struct unix_message message = {
        .data = &reply, .size = sizeof(reply), .fds = &log, .fd_count = log < 0 ? 0 : 1};

    if (log < 0)
        snprintf(reply.text, sizeof(reply.text), "its log cannot be opened: %s", strerror(-log));
    (void)unix_message_send(connection, &message); /* it is gone, or does not read */
}

void reply_verdict(const struct init *init)
{
    const struct task *task = &init->task;
    const struct unix_message message = {
        .data = &task->verdict,
        .size = sizeof(task->verdict),
        .tail = task->verdict.event.arguments_size > 0 ? task->block.data : NULL,
        .tail_size = task->verdict.event.arguments_size,
    };

    if (unix_message_send(init->control, &message) < 0)
        init_end();
}
