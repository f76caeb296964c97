/*
 * Who may say what on the root channel, how often, and how much. Pure: no descriptor, no clock of
 * its own.
 */
#ifndef KEEPER_ADMISSION_H
#define KEEPER_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/allowance.h"
#include "lib/wire/audit.h"
#include "lib/wire/channel_frame.h"

/* Refusals that are told apart; more are counted together. */
#define ADMISSION_REFUSALS 32

struct admission_role {
    const char *program; /* its name in records */
    bool is_container;   /* root of the container; else a program of the user on the host */
    enum channel_frame_type frame; /* in which its events come */
    unsigned int connections;      /* at once: an old one may close after the new one came */
    uint64_t events;               /* CHANNEL_EVENT: bits of enum audit_event */
};

/* The row of ROLE; NULL for one that is not listed. Borrowed. */
const struct admission_role *admission_role(uint32_t role);

bool admission_allows(const struct admission_role *role, enum audit_event event);

struct admission_refusal {
    const char *what; /* static; NULL: free */
    uid_t uid;
    uint64_t count;
};

struct admission {
    struct allowance events;
    uint64_t dropped; /* since the last record of it */
    uint64_t bytes;   /* of events that were kept */
    uint64_t exec_bytes;
    uint64_t execs_dropped; /* since the last record of it */
    struct admission_refusal refusals[ADMISSION_REFUSALS + 1];
};

/* Nothing has come at NOW_NS. */
void admission_open(struct admission *admission, uint64_t now_ns);

/* Takes one event of SIZE bytes. False: it is over the limit, and counted as
 * dropped. */
bool admission_take(struct admission *admission, uint64_t now_ns, size_t size);

/*
 * Exec events have a budget of their own, in bytes of the log, and no rate. True while there is
 * some left; else the event is counted as dropped. admission_spend_exec: BYTES were written.
 */
bool admission_take_exec(struct admission *admission, bool is_nested);
void admission_spend_exec(struct admission *admission, uint64_t bytes);

/* Counts a refusal of WHAT (static) for UID. True for the first, which is to be recorded. */
bool admission_refuse(struct admission *admission, const char *what, uid_t uid);

#endif
