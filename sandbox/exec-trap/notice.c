/* The runner's words to PID 1, and the descriptor that PID 1 kept. */
#include "sandbox/exec-trap/notice.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fd.h"
#include "lib/base/unix_message.h"
#include "lib/wire/init_protocol.h"

#define LISTENER_NAME "listener"

/* PID 1 gives a descriptor one number always, and keeps one for us at most. */
int notice_find(int *notify, int *stored, struct error *err)
{
    const char *names = getenv(INIT_STORE_VARIABLE);
    bool is_stored = names != NULL && strcmp(names, LISTENER_NAME) == 0;
    *notify = getenv(INIT_NOTIFY_VARIABLE) != NULL ? INIT_NOTIFY_FD : -1;
    *stored = *notify >= 0 && is_stored ? INIT_STORE_FD : -1;
    if ((*notify >= 0 && fd_set_close_on_exec(*notify, true) < 0) ||
        (*stored >= 0 && fd_set_close_on_exec(*stored, true) < 0))
        return error_set(
            err, EBADF, "take over what " INIT_NOTIFY_VARIABLE " or " INIT_STORE_VARIABLE " names");
    return 0;
}

int notice_tell(int notify, const char *word, int fd)
{
    struct init_notice notice = {.name = LISTENER_NAME};
    if (notify < 0)
        return 0;
    memcpy(notice.word, word, strlen(word));
    const struct unix_message message = {
        .data = &notice, .size = sizeof(notice), .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};
    return unix_message_send(notify, &message);
}
