/* One command's request in a sandbox: everything that is known before it runs. */
#ifndef TASK_SANDBOX_TASK_H
#define TASK_SANDBOX_TASK_H

#include <stdbool.h>

#include "lib/base/unix_message.h"
#include "lib/wire/exec_event.h"
#include "sandbox/agent-task-sandbox/block.h"
#include "sandbox/agent-task-sandbox/log.h"
#include "sandbox/agent-task-sandbox/settings.h"
#include "sandbox/agent-task-sandbox/streams.h"
#include "sandbox/agent-task-sandbox/target.h"
#include "sandbox/agent-task-sandbox/variables.h"

struct task {
    struct task_run run;
    struct block block;
    struct target target;
    struct streams streams;
    struct log log; /* of a detached command */
    struct variables variables;
    struct task_verdict verdict;
    uint32_t exit_code; /* DENY and FAIL: for the client */
};

/*
 * Takes START and its descriptors apart in place of root, which looked at nothing: RECEIVED[0],
 * the client's connection, stays there, the rest is taken. TASK's verdict says what to do; whatever
 * is wrong is a verdict, TASK_ACTION_FAIL, too. A digest that a rule needs is read here.
 */
void task_prepare(struct task *task, const struct settings *settings,
                  const struct task_start *start, struct unix_fds *received);

/* What a policy judges of TASK, whose program was found. It borrows from TASK. */
struct policy_command task_command(const struct task *task);

#endif
