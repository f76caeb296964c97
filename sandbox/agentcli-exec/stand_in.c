/* Asks the task runner for the sandbox of a relay, and the kernel for the first process in it. */
#include "sandbox/agentcli-exec/stand_in.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/unix_message.h"
#include "sandbox/task-client/connection.h"

/* Whoever asks is about to end the session, and has better things to do than to wait. */
#define PATIENCE_MS 200
#define CHILDREN_MAX 65536

/* The sandbox's own first process; 0: none. */
static pid_t find_init(int connection, pid_t relay)
{
    union task_message_of_runner message = {.header = {.version = 0}};
    cleanup_fd int list = -1;

    if (task_receive_any(connection, &message, &list) < 0 || list < 0)
        return 0;
    for (size_t i = 0; task_read_row(list, i, &message) > 0; i++) {
        if (message.row.caller_pid == relay && message.row.state == TASK_STATE_RUNNING)
            return message.row.init_pid;
    }
    return 0;
}

/* Its eldest child is the command: proc_tid_children(5). */
static pid_t find_command(pid_t init)
{
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;

    path_format(path, "/proc/%d/task/%d/children", (int)init, (int)init);
    if (fd_read_file(AT_FDCWD, path, CHILDREN_MAX, &text, &size, NULL) < 0)
        return 0;
    return (pid_t)strtol(text, NULL, 10);
}

pid_t stand_in_find(pid_t pid)
{
    const struct task_request request = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_LIST}};
    const struct unix_message message = {.data = &request, .size = sizeof(request)};
    cleanup_fd int connection = task_connect(TASK_RUNNER_SOCKET, PATIENCE_MS, NULL);
    pid_t init = 0;
    pid_t command = 0;

    if (connection >= 0 && unix_message_send(connection, &message) == 0)
        init = find_init(connection, pid);
    if (init > 0)
        command = find_command(init);
    return command > 0 ? command : pid;
}
