/*
 * What the task runner tells the keeper about commands: the payload of a CHANNEL_EXEC_EVENT frame,
 * a fixed structure and the bytes of argv. The runner, which is root in the container, writes no
 * JSON; the keeper makes the audit event.
 */
#ifndef WIRE_EXEC_EVENT_H
#define WIRE_EXEC_EVENT_H

#include <limits.h>
#include <stdint.h>

#include "lib/wire/task_protocol.h"

#define EXEC_EVENT_VERSION 2

enum exec_event_kind {
    EXEC_EVENT_START = 1,  /* before the command runs: nothing runs that is not on record */
    EXEC_EVENT_END = 2,    /* id, wait_status, duration_ns */
    EXEC_EVENT_NESTED = 3, /* an exec inside sandbox id */
    EXEC_EVENT_REFUSED =
        4, /* an exec of the vendor's that was answered with an errno or killed; text says why */
    EXEC_EVENT_ASK = 5, /* waits for an answer, for duration_ns at most; text says why. START, with
                           the same id, says what came of it */
};

struct exec_event {
    uint32_t version;
    uint32_t kind;
    char id[TASK_ID_SIZE]; /* of the sandbox; "" without one */
    uint32_t uid;          /* of the caller, as the kernel gave it */
    int32_t pid;     /* of the caller, in the container's pid namespace; NESTED: in the sandbox's */
    uint32_t action; /* enum task_action */
    uint32_t tier;   /* enum task_tier */
    uint32_t is_observed;
    uint32_t wait_status; /* END */
    uint32_t error;       /* REFUSED: positive errno; 0: killed */
    uint32_t lost;        /* NESTED: records dropped before this one */
    uint64_t realtime_ns;
    uint64_t monotonic_ns;
    uint64_t duration_ns;                     /* END, ASK */
    uint8_t program_digest[TASK_DIGEST_SIZE]; /* zeros: not known */
    uint8_t arguments_digest[TASK_DIGEST_SIZE];
    uint32_t argument_count;
    uint32_t arguments_total; /* bytes of all of argv */
    char rule[TASK_RULE_SIZE];
    char profile[TASK_PROFILE_SIZE];
    char program[PATH_MAX];
    char directory[PATH_MAX];
    char text[TASK_TEXT_SIZE];
    struct task_asked asked; /* ASK */
    uint32_t arguments_size; /* bytes of argv that follow, at most TASK_ARGUMENTS_SHOWN */
};

/*
 * The answer to an EXEC_EVENT_ASK, from the keeper to the task runner: the payload of a
 * CHANNEL_EXEC_ANSWER frame. It is good for that very ask, which its id and its time tell from all
 * others.
 */
struct exec_answer {
    uint32_t version; /* EXEC_EVENT_VERSION */
    uint32_t action;  /* TASK_ACTION_SANDBOX or TASK_ACTION_DENY */
    char id[TASK_ID_SIZE];
    uint64_t asked_ns;         /* monotonic_ns of the ask */
    char text[TASK_TEXT_SIZE]; /* DENY: what the client is told; else how it was approved */
};

/*
 * TASK_VERDICT: the event as far as the sandbox knows it, kind and identities excepted. Its action
 * may be TASK_ACTION_REDIRECT: to the event's profile, or TASK_ACTION_ASK: for duration_ns, and
 * its text is what the rule says.
 */
struct task_verdict {
    struct task_header header;
    struct exec_event event; /* event.arguments_size bytes of argv follow */
};

#endif
