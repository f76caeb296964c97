/* How a sandbox closes around its first process, which then serves one command from inside. */
#ifndef TASK_SANDBOX_CAGE_H
#define TASK_SANDBOX_CAGE_H

#include "lib/base/error.h"
#include "sandbox/agent-task-sandbox/settings.h"

/*
 * Confines the calling process, PID 1 of fresh namespaces in a copy of the root of sandboxes, for
 * good. *LISTENER is owned by the caller: execs of its children wait there (nested.h). 0, or -errno
 * and the process must end.
 */
int cage_close(const struct settings *settings, int *listener, struct error *err);

#endif
