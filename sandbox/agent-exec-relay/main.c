/* agent-exec-relay: stands in for a program that the exec trap did not let run here, and lives as
 * that lives in its sandbox. */
#include <errno.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/fd.h"
#include "sandbox/task-client/connection.h"
#include "sandbox/task-client/session.h"

/* As a shell says it of a program that was found and could not be executed. */
#define EXIT_NOT_EXECUTABLE 126
/* task_open_streams: 0 to 2. */
#define ALL_STREAMS 7u

static int run(char *const *argv, struct task_ending *ending, struct error *err)
{
    const struct task_command command = {
        .arguments = argv, .environment = environ, .flags = TASK_RUN_TICKET};
    uint32_t streams = task_open_streams();
    int result = streams == ALL_STREAMS ? 0 : fd_ensure_standard();

    if (result < 0)
        return error_set(err, -result, "open '/dev/null'");
    cleanup_fd int connection = task_connect(TASK_RUNNER_SOCKET, TASK_CLIENT_PATIENCE_MS, err);
    if (connection < 0)
        return connection;
    result = task_send_command(connection, &command, streams, err);
    return result < 0 ? result : task_session_run(connection, ending, err);
}

int main(int argc, char **argv)
{
    static char name[] = "agent-exec-relay"; /* argv[0] is the command's */
    static struct task_ending ending;
    struct error err = ERROR_INITIALIZER;

    (void)argc;
    program_invocation_short_name = name;
    if (run(argv, &ending, &err) < 0) {
        diagnostic_say(error_text(&err), NULL);
        return EXIT_NOT_EXECUTABLE;
    }
    if (!ending.has_run)
        return task_session_refuse(&ending.reply);
    if (ending.is_lost)
        diagnostic_say("the sandbox was ended, and the command with it", NULL);
    task_session_end(ending.wait_status);
}
