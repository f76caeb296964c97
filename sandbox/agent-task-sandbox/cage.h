/* How a sandbox closes around its first process, which then serves one command from inside. */
#ifndef TASK_SANDBOX_CAGE_H
#define TASK_SANDBOX_CAGE_H

#include "lib/base/error.h"
#include "sandbox/agent-task-sandbox/nested.h"
#include "sandbox/agent-task-sandbox/settings.h"

/*
 * Confines the calling process, PID 1 of fresh namespaces in a copy of the root of sandboxes, for
 * good. NESTED hears of execs of its children then (nested_listen). 0, or -errno and the process
 * must end.
 */
int cage_close(const struct settings *settings, struct nested *nested, struct error *err);

#endif
