/*
 * What a program on the host and the keeper say to each other about commands that wait for an
 * answer: JSON in CHANNEL_ASK_REQUEST and CHANNEL_ASK_REPLY frames, one reply for each request.
 *
 * {"request": "next", "after": N, "wait": BOOLEAN}: the ask whose latest change is the first after
 * N, as {"ask": ASK}; {"end": true} when there is none and none is waited for. Who takes "change"
 * of one reply for "after" of the next request sees every ask, and each again when it changes;
 * nobody is sent more than was asked for.
 *
 * {"request": "answer", "ask": NUMBER, "answer": "allow" or "deny", "scope": SCOPE, "words": N,
 * "text": TEXT}: {"answered": true}, or {"error": SENTENCE}. What came of it is a change of the
 * ask.
 *
 * The keeper may have something to say that nobody asked for an answer to, and what it said last
 * takes its turn among the changes, for who was connected then: {"notice": {"change": N, "text":
 * SENTENCE}}.
 *
 * ASK is {"ask": NUMBER, "change": N, "state": STATE, "fields": those of its exec-ask event,
 * "reason": TEXT when it is over}.
 */
#ifndef WIRE_ASK_H
#define WIRE_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

/* Of the text that comes with an answer: with the rule's name it fits in TASK_TEXT_SIZE. */
#define ASK_TEXT_MAX 448

enum ask_state {
    ASK_FREE = 0,
    ASK_WAITING,
    ASK_ANSWERED, /* what comes of it is not known yet */
    ASK_APPROVED,
    ASK_DENIED,
    ASK_LOST, /* its runner ended first, and the command with it */
    ASK_STATE_COUNT
};
/* By enum ask_state; NULL: none. */
extern const char *const ask_states[ASK_STATE_COUNT];

/* What an approval is good for. */
enum ask_scope {
    ASK_ONCE, /* this ask alone */
    /* The words and the program are those of the command that asks, which may stand inside another;
     * nothing that asks about more is meant. */
    ASK_PREFIX,  /* and all that begin with the same words, by the same program and rule */
    ASK_PROGRAM, /* and all of the same program file, by the same rule; inside another command, all
                    of the same name */
    ASK_SCOPE_COUNT
};
extern const char *const ask_scopes[ASK_SCOPE_COUNT];

struct ask_answer {
    uint64_t ask;
    bool is_allowed;
    enum ask_scope scope;
    uint64_t words;   /* PREFIX: how many; 0: all */
    const char *text; /* borrowed; why not, in the words of who answers; NULL: none */
};

/* The index of NAME in NAMES of COUNT, some of which may be NULL; COUNT when it is none of them. */
size_t ask_find_name(const char *const *names, size_t count, const char *name);

/* ANSWER as a request; owned by the caller, NULL without memory. */
json_t *ask_answer_write(const struct ask_answer *answer);

/* The answer in REQUEST, from which its text is borrowed. 0, or -EPROTO with what is wrong. */
int ask_answer_read(const json_t *request, struct ask_answer *answer, struct error *err);

#endif
