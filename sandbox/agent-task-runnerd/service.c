/* What the task runner tells PID 1, and what PID 1 kept for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fd.h"
#include "sandbox/agent-task-runnerd/runner.h"

#define LISTENER_NAME "listener"

static int find_stored(int *listener, struct error *err)
{
    const char *names = getenv(INIT_STORE_VARIABLE);
    for (int fd = INIT_STORE_FD; names != NULL && *names != '\0'; fd++) {
        size_t length = strcspn(names, ":");
        if (fcntl(fd, F_GETFD) < 0)
            return error_set(err, errno,
                             INIT_STORE_VARIABLE " names a descriptor that is not open");
        fd_set_close_on_exec(fd, true);
        if (length == strlen(LISTENER_NAME) && memcmp(names, LISTENER_NAME, length) == 0)
            *listener = fd;
        names += length;
        names += *names == ':';
    }
    return 0;
}

int service_find(struct runner *runner, int *listener, struct error *err)
{
    runner->notify = -1;
    *listener = -1;
    /* PID 1 gives it one number always. */
    if (getenv(INIT_NOTIFY_VARIABLE) == NULL)
        return 0;
    if (fcntl(INIT_NOTIFY_FD, F_GETFD) < 0)
        return error_set(err, errno, INIT_NOTIFY_VARIABLE " names a descriptor that is not open");
    runner->notify = INIT_NOTIFY_FD;
    fd_set_close_on_exec(INIT_NOTIFY_FD, true);
    return find_stored(listener, err);
}

static int send_notice(const struct runner *runner, const char *word, int fd)
{
    struct init_notice notice = {.name = LISTENER_NAME};
    if (runner->notify < 0)
        return 0;
    memcpy(notice.word, word, strlen(word));
    const struct unix_message message = {
        .data = &notice, .size = sizeof(notice), .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};
    return unix_message_send(runner->notify, &message);
}

void service_tell(const struct runner *runner, const char *word)
{
    (void)send_notice(runner, word, -1);
}

int service_keep_listener(const struct runner *runner, int fd)
{
    return send_notice(runner, INIT_NOTICE_STORE, fd);
}

void service_forget_listener(const struct runner *runner)
{
    (void)send_notice(runner, INIT_NOTICE_REMOVE, -1);
}
