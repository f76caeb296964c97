/*
 * The commands of a session that wait for an answer, those that did lately, and what was approved
 * beyond one of them. Pure: no descriptor, no clock.
 */
#ifndef KEEPER_ASKS_H
#define KEEPER_ASKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/wire/ask.h"
#include "lib/wire/task_protocol.h"

/* The runner parks 16; the rest are those that are over, which who follows has not seen yet. */
#define ASKS_MAX 64
#define ASKS_APPROVALS_MAX 64

struct ask {
    enum ask_state state;
    uint64_t number;    /* in the session, from 1, never given again */
    uint64_t change;    /* when it changed last, counted */
    const void *runner; /* borrowed, compared only: the connection that its answer goes to */
    char id[TASK_ID_SIZE];
    uint64_t asked_ns; /* by the runner's clock: with the id, which ask it is */
    json_t *fields;    /* owned; of its exec-ask event */
    json_t *reason;    /* owned; of its exec-start event; NULL: none */
};

struct ask_approval {
    enum ask_scope scope; /* ONCE: none */
    uint64_t words;       /* PREFIX; PROGRAM of a command in a shell's string: 1 */
    json_t *fields;       /* owned; of the ask that was approved */
    uint64_t ask;         /* its number */
    uid_t uid;            /* who approved it */
};

struct asks {
    struct ask rows[ASKS_MAX];
    struct ask_approval approvals[ASKS_APPROVALS_MAX];
    size_t approval_count;
    uint64_t numbers; /* given so far */
    uint64_t changes;
};

void asks_free(struct asks *asks);

/* A row for one more, WAITING, in place of the one that has been over for longest; FIELDS
 * (borrowed) get its number. NULL when all wait, or without memory. */
struct ask *asks_add(struct asks *asks, json_t *fields);

/* The one with NUMBER; NULL. */
struct ask *asks_find(struct asks *asks, uint64_t number);
/* The one that is not over, of RUNNER and with ID; NULL. */
struct ask *asks_find_open(struct asks *asks, const void *runner, const char *id);
/* The one whose latest change is the first after CHANGE; NULL. */
struct ask *asks_next(struct asks *asks, uint64_t change);

void asks_change(struct asks *asks, struct ask *ask, enum ask_state state);
/* RUNNER is gone, and every command that waited for an answer to it. True when there were some. */
bool asks_lose(struct asks *asks, const void *runner);

/* ASK as lib/wire/ask.h says; owned by the caller, NULL without memory. */
json_t *asks_describe(const struct ask *ask);

/* 0 when ASK can be answered with ANSWER, whose words become a number; else -EINVAL with a
 * sentence.
 */
int asks_check(const struct asks *asks, const struct ask *ask, struct ask_answer *answer,
               struct error *err);
/* Remembers an ANSWER that passed, of UID, when its scope is more than this ask. */
void asks_remember(struct asks *asks, const struct ask *ask, const struct ask_answer *answer,
                   uid_t uid);
/* The approval that is good for ASK too; NULL: none. */
const struct ask_approval *asks_match(const struct asks *asks, const struct ask *ask);

#endif
