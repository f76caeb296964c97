/* What the task runner tells PID 1, and what PID 1 kept for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fd.h"
#include "sandbox/agent-task-runnerd/runner.h"

#define LISTENER_NAME "listener"

/* PID 1 gives a descriptor one number always, and keeps one for us at most. */
int service_find(struct runner *runner, struct error *err)
{
    const char *stored = getenv(INIT_STORE_VARIABLE);
    bool is_stored = stored != NULL && strcmp(stored, LISTENER_NAME) == 0;
    runner->notify = getenv(INIT_NOTIFY_VARIABLE) != NULL ? INIT_NOTIFY_FD : -1;
    runner->stored_listener = runner->notify >= 0 && is_stored ? INIT_STORE_FD : -1;
    if ((runner->notify >= 0 && fd_set_close_on_exec(runner->notify, true) < 0) ||
        (runner->stored_listener >= 0 && fd_set_close_on_exec(runner->stored_listener, true) < 0))
        return error_set(
            err, EBADF, "take over what " INIT_NOTIFY_VARIABLE " or " INIT_STORE_VARIABLE " names");
    return 0;
}

int service_tell(const struct runner *runner, const char *word, int fd)
{
    struct init_notice notice = {.name = LISTENER_NAME};
    if (runner->notify < 0)
        return 0;
    memcpy(notice.word, word, strlen(word));
    const struct unix_message message = {
        .data = &notice, .size = sizeof(notice), .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};
    return unix_message_send(runner->notify, &message);
}
