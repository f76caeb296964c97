/*
 * The keeper: one small process per session on the host. It writes the audit log, waits for the
 * container, and puts away what the session leaves on the host. One event loop, fixed tables, no
 * threads.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host-shim/keeper/admission.h"
#include "host-shim/keeper/asks.h"
#include "host-shim/keeper/attendant.h"
#include "host-shim/keeper/cause.h"
#include "host-shim/keeper/data.h"
#include "host-shim/keeper/helper.h"
#include "lib/base/error.h"
#include "lib/base/event_loop.h"
#include "lib/wire/audit.h"
#include "lib/wire/channel.h"
#include "lib/wire/exec_event.h"
#include "lib/wire/limits.h"
#include "lib/wire/manifest.h"
#include "lib/wire/relay.h"

/* Descriptors besides the peers': listener, control, two helpers, attendants, the sidecar's socket,
 * what the data program says. */
#define KEEPER_SOURCES (LIMIT_CHANNEL_CONNECTIONS + 10)
#define KEEPER_LINE_SIZE 512

enum keeper_timer {
    KEEPER_TIMER_ABSENCE, /* the launcher is gone and no container has been seen */
    KEEPER_TIMER_HELPER,  /* a helper is started again, or has had its time */
    KEEPER_TIMER_DRAIN,   /* the container ended: last frames are read */
    KEEPER_TIMER_DROPS,   /* the count of dropped events is due */
    KEEPER_TIMER_HELLO,   /* connections that never said hello */
    KEEPER_TIMER_SYNC,    /* exec events are due on the disk */
    KEEPER_TIMER_COUNT
};

enum keeper_phase {
    KEEPER_WAITING,  /* for the launcher to say that it started the container */
    KEEPER_WATCHING, /* a helper waits for the container */
    KEEPER_DRAINING, /* the container ended; what it sent is read to the end */
    KEEPER_CLEANING, /* a helper removes the network */
    KEEPER_DONE,
};

struct keeper;

/* One connection. Free while fd is -1. */
struct peer {
    struct keeper *keeper; /* borrowed */
    int fd;                /* owned */
    int source;            /* its number in the loop */
    uid_t uid;             /* as the kernel says */
    pid_t pid;
    uint64_t accepted_ns;
    bool is_relayed;   /* through the sidecar, which says who it is: the container's uid, no pid */
    uint32_t role;     /* enum channel_role; 0 before the hello */
    bool is_following; /* waits for the next change of an ask */
    uint64_t after;    /* the last one it knows */
};

/* The process that holds the session's secrets. */
struct secrets {
    struct attendant broker;
    bool continues; /* a session that lost its login goes on */
    bool freezes;   /* one in which a login is redeemed a second time is paused */
};

/* A pair of sockets between who serves the container and the session's sidecar, until both have
 * theirs; -1 then. */
struct keeper_relay {
    int near; /* owned; of who serves */
    int far;  /* owned; of the sidecar */
};

/* So often within this time, and something is wrong with the agent; the pane in which it runs waits
 * then. */
#define RESTARTS_MAX 5
#define RESTARTS_SECONDS 90

struct restarts {
    uint64_t started_ns[RESTARTS_MAX];
    unsigned int count;
};

/* A sentence with the names of a container and a session. */
#define KEEPER_NOTICE_SIZE 320

struct keeper {
    char session[MANIFEST_SESSION_SIZE];
    char container[64];       /* "coding-agents-ID"; network and volume have the same name */
    uid_t container_root_uid; /* the host uid that root in the container is */
    char state_directory[PATH_MAX];
    char runtime_directory[PATH_MAX];
    int control_fd; /* owned; to the launcher; -1 once it is gone */
    char control_line[KEEPER_LINE_SIZE];
    size_t control_used;
    int control_source;
    int listener;          /* owned */
    struct audit_log *log; /* owned */
    struct audit_key *key; /* owned; signs the end of the log */

    enum keeper_phase phase;
    struct event_loop loop;
    struct event_source sources[KEEPER_SOURCES];
    struct event_timer timers[KEEPER_TIMER_COUNT];
    struct peer peers[LIMIT_CHANNEL_CONNECTIONS];
    struct admission admission;
    struct asks asks;
    char notice[KEEPER_NOTICE_SIZE];
    uint64_t notice_change; /* counted with those of the asks; 0: there was none */
    uint64_t notice_ns;     /* when it was said */
    struct helper helper;
    struct helper freezer; /* asks the engine for a pause, beside the one that waits */
    struct secrets secrets;
    struct attendant signer;
    struct attendant git; /* its https remotes */
    bool has_sidecar;     /* the container's connections come through it */
    struct attendant sidecar;
    struct keeper_relay relays[RELAY_SERVICE_COUNT];
    int root_relay; /* owned; where those to the keeper itself come from, or -1 */
    int root_relay_source;
    bool has_lost_broker; /* which is on record once */
    struct data data;
    bool is_without_data; /* the user wants none in this session */
    bool has_asked_stop;  /* of the engine, since the login is gone */
    bool has_frozen;      /* or tried to, once: whoever lets it go on has looked */
    bool is_freezing;     /* and has not heard what came of it */
    bool has_released;    /* a holder of the login ended, and may have left it behind */
    struct restarts restarts;
    struct ending ending; /* what is known of how the session ended */
    uint64_t drain_until_ns;
    char frame[LIMIT_CHANNEL_FRAME_BYTES + 1];
};

/* setup.c: from options to a keeper that listens and whose log is open. 0 or -errno. */
int keeper_open(struct keeper *keeper, struct error *err);
void keeper_close(struct keeper *keeper);

/* peers.c: connections, frames. */
int peers_listen(struct keeper *keeper, struct error *err);
/* Takes connections of the container from RELAY (taken). 0 or -errno. */
int peers_watch_relay(struct keeper *keeper, int relay, struct error *err);
/* True while a container role is connected. */
bool peers_has_container(const struct keeper *keeper);
void peers_close(struct peer *peer);
void peers_close_all(struct keeper *keeper);

/* secrets.c: the broker. Starts it when the session's agent has a login; 0, also when it has none,
 * or -errno. */
int secrets_start(struct keeper *keeper, struct error *err);
/* Ends it, and records what it has to say to that. */
void secrets_end(struct keeper *keeper);
/* The sidecar has ended before the session: as if the broker had. */
void secrets_lose_sidecar(struct keeper *keeper);

/* sidecar.c: before those whom the sidecar leads to are started. 0 or -errno. */
int sidecar_prepare(struct keeper *keeper, struct error *err);
/* Once they are: starts the sidecar, if the session is to have one. 0 or -errno. */
int sidecar_start(struct keeper *keeper, struct error *err);
void sidecar_end(struct keeper *keeper);

/* signing.c: the signer. Starts it when the session's manifest says that it signs; 0, also when it
 * does not, or -errno. */
int signing_start(struct keeper *keeper, struct error *err);
void signing_end(struct keeper *keeper);

/* restarts.c: a command that began, by the fields of its event. Of an agent that is started again
 * and again the state's cause and the log say so. */
void restarts_notice(struct keeper *keeper, const json_t *fields);

/* git.c: the git proxy. Starts it when the session has https remotes that it may reach; 0, also
 * when it has none, or -errno. */
int git_start(struct keeper *keeper, struct error *err);
void git_end(struct keeper *keeper);

/* control.c: the launcher's lines. */
int control_watch(struct keeper *keeper);
/* Sends a line to the launcher; a launcher that is gone is no error. */
void control_say(struct keeper *keeper, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* watch.c: the helper that waits for the container. */
void watch_start(struct keeper *keeper);

/* ending.c: from the container's end to the keeper's own. */
void ending_begin(struct keeper *keeper);
void ending_abandon(struct keeper *keeper, const char *reason);

/* closing.c: the key of the log, on record and in the state before anything is; then its signature.
 * 0 or -errno. */
int closing_make_key(struct keeper *keeper, struct error *err);
void closing_sign(struct keeper *keeper);

/* log.c: records of the keeper itself, refusals, lines for people in keeper.log. */
void log_record(struct keeper *keeper, enum audit_event event, const struct audit_source *source,
                json_t *fields); /* takes FIELDS */
/* The same for an event that may reach the disk a moment later: exec events are many. */
void log_record_soon(struct keeper *keeper, enum audit_event event,
                     const struct audit_source *source, json_t *fields);
/* Brings what log_record_soon left to the disk. */
void log_sync(struct keeper *keeper);
void log_own(struct keeper *keeper, enum audit_event event, json_t *fields);
/* Records the first refusal of WHAT for UID and counts the rest. */
void log_refusal(struct keeper *keeper, const char *what, uid_t uid, const char *detail);
/* A dropped event: its count is recorded within a second. */
void log_drop(struct keeper *keeper);
/* Records the counts that are still open: dropped events, and refusals that came more than once. */
void log_totals(struct keeper *keeper);
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* exec_events.c: an event of PEER, the task runner, from a frame's payload. 0, -EPROTO or -ENOMEM.
 */
int exec_event_record(struct peer *peer, const struct audit_source *source, const void *payload,
                      size_t size, struct error *err);

/* approvals.c: a row for the ask with FIELDS, which get its number; NULL: nobody can be asked. */
struct ask *approvals_begin(struct keeper *keeper, json_t *fields);
/* EVENT of RUNNER, on record, is ASK, or NULL when nobody can be asked. */
void approvals_ask(struct peer *runner, const struct exec_event *event, struct ask *ask);
/* EVENT of RUNNER, with FIELDS on record, is a start: what an ask came to, if there was one. */
void approvals_settle(struct peer *runner, const struct exec_event *event, const json_t *fields);
/* RUNNER is gone. */
void approvals_lose(struct peer *runner);
/* Tells who follows the asks now TEXT, which nobody answers: lib/wire/ask.h. */
void approvals_notice(struct keeper *keeper, const char *text);
/* A request of PEER, which approves, from a frame's payload. 0, or -EPROTO when it is none. */
int approvals_serve(struct peer *peer, const void *payload, size_t size, struct error *err);

/* init_events.c: an event of PID 1, from a frame's payload. 0, or -EPROTO. */
int init_event_record(struct keeper *keeper, const struct audit_source *source, const void *payload,
                      size_t size, struct error *err);

#endif
