/* agent-task-sandbox --serve: makes sandboxes for the task runner. */
#ifndef TASK_SANDBOX_SERVICE_H
#define TASK_SANDBOX_SERVICE_H

#include "lib/base/error.h"

/*
 * Loads the policy for AGENT, gets the makers of its profiles ready, listens at TASK_SANDBOX_SOCKET
 * and says READY=1; then serves until SIGTERM. SIGHUP loads the policy anew. 0, or -errno when it
 * could not start or go on.
 */
int service_run(const char *agent, struct error *err);

#endif
