/*
 * Execs inside a sandbox, as a seccomp listener hears of them: put on record, and refused where
 * policy denies them, or asks and nobody approved the command for that. A help, not a boundary: the
 * strings are read from memory that the process and its siblings can change after the look. What
 * cannot be read is on record as that, and denied where a rule could deny it or ask.
 */
#ifndef TASK_SANDBOX_NESTED_H
#define TASK_SANDBOX_NESTED_H

#include <linux/filter.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/allowance.h"
#include "lib/base/error.h"
#include "lib/policy/policy.h"
#include "lib/wire/task_protocol.h"

/* The argument that carries a pass; execve(2) looks at three, and the kernel empties all before the
 * new image runs. */
#define NESTED_PASS_ARGUMENT 5

struct nested {
    int listener;                    /* borrowed */
    int control;                     /* borrowed; records go there */
    const struct policy *policy;     /* borrowed */
    uint64_t pass;                   /* nested_listen */
    struct policy_approval approval; /* of the command; its rule is NULL: it did not ask */
    struct policy_command approved;  /* what that borrows */
    pid_t
        command; /* its execs are the command's own, and are made with a stop pending; 0: nobody */
    struct allowance records; /* nested_listen */
    pid_t told;               /* who heard last of a denial: a search along PATH is several execs */
    uint32_t lost;            /* records since the last one that was sent */
    struct task_nested last_lost; /* lost > 0: the last of them, without its arguments */
};

/*
 * A filter that asks about execve(2) and execveat(2) before they happen, and otherwise says what
 * the one at PATH does. The instructions of FILTER are owned by the caller (free). 0 or -errno.
 */
int nested_make_filter(const char *path, struct sock_fprog *filter, struct error *err);

/*
 * Puts the calling process and all it starts below FILTER (borrowed; its instructions are written
 * to); NESTED's listener, owned by the caller, is where it asks. NESTED's pass is a number that
 * nobody else can know or guess: an exec that has it where execve(2) has no argument is not asked
 * about (command.h). 0 or -errno.
 */
int nested_listen(const struct sock_fprog *filter, struct nested *nested, struct error *err);

/*
 * Answers one question of those that wait. Never blocks; a process that is gone needs no answer.
 * The command itself is sent SIGSTOP first, which it obeys when its exec has worked or failed: a
 * process whose question was received waits killable (seccomp_unotify(2), WAIT_KILLABLE_RECV).
 */
void nested_answer(struct nested *nested);

/* At an end, after which there may be no more records: sends the last of those that were lost, with
 * how many were before it. */
void nested_flush(struct nested *nested);

#endif
