/* exec, run and shell: commands that are run. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/agent-task-runnerctl/outcome.h"
#include "sandbox/agent-task-runnerctl/requests.h"
#include "sandbox/task-client/connection.h"
#include "sandbox/task-client/session.h"

#define SHELL "/bin/bash"

/* The connection, over which the command was sent, or -errno. */
static int start(const struct runnerctl *runnerctl, const struct task_command *command,
                 uint32_t streams, struct error *err)
{
    cleanup_fd int connection = task_connect(runnerctl->socket, TASK_CLIENT_PATIENCE_MS, err);
    int result;

    if (connection < 0)
        return connection;
    result = task_send_command(connection, command, streams, err);
    return result < 0 ? result : steal_fd(&connection);
}

static int attach(const struct runnerctl *runnerctl, char *const *arguments, int *exit_code,
                  struct error *err)
{
    const struct task_command command = {.arguments = arguments, .environment = environ};
    struct task_ending ending;
    uint32_t streams = task_open_streams();
    int result = fd_ensure_standard();

    if (result < 0)
        return error_set(err, -result, "open '/dev/null'");
    cleanup_fd int connection = start(runnerctl, &command, streams, err);
    if (connection < 0)
        return connection;
    /* Our own streams are closed while the command has them. */
    cleanup_fd int report =
        runnerctl->is_json ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : -1;
    result = task_session_run(connection, &ending, err);
    if (result < 0)
        return result;
    if (report >= 0)
        outcome_print(report, &ending);
    if (ending.has_run)
        task_session_end(ending.wait_status);
    *exit_code =
        report >= 0 ? task_session_refusal_code(&ending.reply) : task_session_refuse(&ending.reply);
    return 0;
}

int runnerctl_exec(const struct runnerctl *runnerctl, int *exit_code, struct error *err)
{
    return attach(runnerctl, runnerctl->arguments, exit_code, err);
}

int runnerctl_shell(const struct runnerctl *runnerctl, int *exit_code, struct error *err)
{
    static char shell[] = SHELL;
    char *arguments[] = {shell, NULL};

    return attach(runnerctl, arguments, exit_code, err);
}

int runnerctl_run(const struct runnerctl *runnerctl, int *exit_code, struct error *err)
{
    const struct task_command command = {
        .arguments = runnerctl->arguments, .environment = environ, .flags = TASK_RUN_DETACHED};
    struct task_ending ending = {.has_run = false};
    const struct task_reply *reply = &ending.reply;
    cleanup_fd int fd = -1;
    cleanup_fd int connection = start(runnerctl, &command, 0, err);
    int result = connection < 0 ? connection : task_receive(connection, &ending.reply, &fd);

    if (connection < 0)
        return connection;
    if (result < 0)
        return error_set(err, -result, "hear from the task runner");
    if (reply->header.type != TASK_STARTED) {
        if (runnerctl->is_json)
            outcome_print(STDOUT_FILENO, &ending);
        *exit_code =
            runnerctl->is_json ? task_session_refusal_code(reply) : task_session_refuse(reply);
        return 0;
    }
    if (runnerctl->is_json)
        printf("{\"id\":\"%s\"}\n", reply->id);
    else
        puts(reply->id);
    return 0;
}
