/* What agent-task-runnerctl asks of the task runner, each a function that one command is. */
#ifndef RUNNERCTL_REQUESTS_H
#define RUNNERCTL_REQUESTS_H

#include <stdbool.h>

#include "lib/base/error.h"

struct runnerctl {
    const char *socket; /* borrowed; where the runner listens */
    bool is_json;
    bool is_following;
    char **arguments; /* borrowed; what follows the command's name; NULL-terminated */
};

/*
 * Each does what docs/man/agent-task-runnerctl.1 says of it. 0 with *EXIT_CODE set, or -errno with
 * ERR set. The first two and the third may end the process as the command ended.
 */
typedef int runnerctl_function(const struct runnerctl *runnerctl, int *exit_code,
                               struct error *err);
runnerctl_function runnerctl_exec, runnerctl_run, runnerctl_shell, runnerctl_ps, runnerctl_kill,
    runnerctl_logs, runnerctl_status, runnerctl_reload;

#endif
