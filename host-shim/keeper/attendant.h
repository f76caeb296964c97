/*
 * A process below the keeper that serves the session's container for it: it has a SOCK_SEQPACKET
 * socket to the keeper, says READY, NONE or FAILED over it at its start, with events in front of
 * them, then events, and ends when the keeper's end is shut.
 */
#ifndef KEEPER_ATTENDANT_H
#define KEEPER_ATTENDANT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/wire/audit.h"

#define ATTENDANT_MESSAGE_SIZE (16 * 1024)

struct keeper;

/* Which ends of the sockets between the sidecar and who serves one has, if the session has a
 * sidecar. */
enum attendant_relays {
    ATTENDANT_RELAYS_NONE,
    ATTENDANT_RELAYS_NEAR, /* of its own service */
    ATTENDANT_RELAYS_FAR,  /* of all: it is the sidecar */
};

/* What all of one kind have in common. Of static storage. */
struct attendant_kind {
    const char *name;    /* in records and in sentences: "broker" */
    const char *program; /* in libexec */
    uint64_t ready_ms;   /* so long its start may take */
    enum attendant_relays relays;
    unsigned int service;           /* enum relay_service, with ATTENDANT_RELAYS_NEAR */
    const enum audit_event *events; /* that it may record */
    size_t event_count;
    /* It said EVENT, which is on record. NULL: nothing follows. */
    void (*heed)(struct keeper *keeper, enum audit_event event, const json_t *fields);
    /* It has ended before the session, and is forgotten. */
    void (*lose)(struct keeper *keeper);
};

/* One of them. Start with ATTENDANT_NONE. */
struct attendant {
    const struct attendant_kind *kind;
    struct keeper *keeper; /* borrowed */
    pid_t pid;             /* 0: none */
    int fd;                /* owned; to it, or -1 */
    int source;            /* its number in the loop, or -1 */
};

#define ATTENDANT_NONE ((struct attendant){.fd = -1, .source = -1})

/*
 * Starts one of KIND for the keeper's session, with ARGUMENTS (NULL-terminated, borrowed) before
 * --session, --container-root-uid and --keeper-fd, and waits until it is ready, or the launcher has
 * gone. 0, -ENOENT when it says that there is nothing for it to do, or -errno.
 */
int attendant_start(struct keeper *keeper, struct attendant *attendant,
                    const struct attendant_kind *kind, const char *const *arguments,
                    struct error *err);
/* True when it has ended, and that was not heard yet. */
bool attendant_has_ended(const struct attendant *attendant);
/* Ends it, and records what it has to say to that. One that does not run is fine. */
void attendant_end(struct attendant *attendant);

#endif
