/*
 * The agent's data of earlier sessions, on its way into the container, and what the container gives
 * back, on its way into the store. Archives are made and merged by a program of their own, one at a
 * time; what comes out of a container is not read here.
 */
#ifndef KEEPER_DATA_H
#define KEEPER_DATA_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/pack/pack.h"
#include "lib/wire/data_message.h"

struct keeper;
struct peer;

/* Its report of an export lists DATA_LEFT_LISTED_MAX sessions. */
#define DATA_OUTPUT_SIZE (24 * 1024)

struct data {
    bool is_wanted; /* the session's agent keeps something, and nobody said otherwise */
    char agent[PACK_AGENT_SIZE];
    struct peer *peer;       /* who waits for the answer; NULL: has gone */
    enum data_action action; /* that the program runs for */
    pid_t pid;               /* of the program; 0: none */
    int output;              /* owned; what it prints */
    int source;              /* its number in the loop */
    char text[DATA_OUTPUT_SIZE];
    size_t used;
    int import;         /* owned; the archive for the container, or -1 */
    struct peer *taker; /* who was given it */
    bool was_given;     /* it was asked for: once in a session */
    bool was_ended;     /* an export came to its end: likewise */
    bool is_told;       /* what became of what the agent left: on record, or there was nothing */
    int spool;          /* owned and locked; what comes out, or -1 */
    bool is_whole;      /* all of that is there */
    uint64_t received;  /* bytes of it */
    uint64_t counter;   /* of exports */
    struct peer *giver; /* whose export the spool is */
};

/* Finds out whether the session has data. 0 or -errno. */
int data_start(struct keeper *keeper, struct error *err);

/* A request of PEER, which is boot, from a frame's payload. 0, or -EPROTO when it is none. */
int data_serve(struct peer *peer, const void *payload, size_t size, struct error *err);

/* PEER is gone: an export that is not whole is thrown away, and said to be lost. */
void data_lose(struct peer *peer);

/* The container has ended: what the agent left and nothing was said about is on record as lost. */
void data_settle(struct keeper *keeper);

/* True while an archive is being made or merged. */
bool data_is_busy(const struct keeper *keeper);

/* Ends the program. What is whole and not merged stays for the next session of the agent. */
void data_end(struct keeper *keeper);

#endif
