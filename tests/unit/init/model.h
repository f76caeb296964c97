/*
 * PID 1 over a fake kernel: the real tables and the real code that carries them out, with children,
 * timers and a clock that a test moves. What must always hold is checked after every step.
 */
#ifndef INIT_MODEL_H
#define INIT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "init/agent-init/init.h"

/* What may happen to PID 1. */
enum happening {
    BOOT_SAYS_READY,
    BOOT_REFUSES,
    BOOT_TALKS_NONSENSE,
    BOOT_ENDS,
    WEB_SAYS_READY,
    WEB_ENDS,
    MAIN_ENDS,
    ORPHAN_COMES,
    ORPHAN_ENDS,
    STUCK_COMES, /* a process that not even KILL ends, as in a hung file system */
    TERM_COMES,
    RESTART_WEB, /* agent-initctl */
    STOP_WEB,
    FORKS_FAIL,     /* and work again when it happens once more */
    CLIENT_FAILS,   /* there is no descriptor for one that connects */
    LOOKS_ARE_SLOW, /* past thousands who live; and quick again */
    SHUTDOWN_SUCCEEDS,
    SHUTDOWN_FAILS,
    WIPE_ENDS,
    TIME_PASSES, /* to the next timer */
    HAPPENING_COUNT
};

/* WEB may be restarted so often; MAIN depends on it. */
#define MODEL_WEB_RESTARTS 1
#define MODEL_PROCESSES_MAX 256

enum process_kind {
    PROCESS_BOOT,
    PROCESS_SHUTDOWN,
    PROCESS_WIPE,
    PROCESS_WEB,
    PROCESS_MAIN,
    PROCESS_ORPHAN,
    PROCESS_STUCK,
};

struct process {
    enum process_kind kind;
    bool is_alive;
    int wait_status; /* once it is dead */
    int reaped;      /* times */
    bool got_kill;
};

struct model {
    struct init init;
    uint64_t now_ns;
    struct process processes[MODEL_PROCESSES_MAX]; /* the pid is the number and 2 */
    int process_count;
    bool forks_fail;
    bool looks_are_slow;
    bool is_reap_vain; /* the timer for reaping rang, and nobody was dead */
    uint64_t cpu_ns;
    int web_starts; /* since the beginning, or since an order to restart */
    int terms;
    int starts_while_not_running; /* of services */
    uint32_t rejected;            /* transitions the tables refused */
    uint32_t rejections_recorded;
    uint64_t events_seen;
    int open_fds;
    bool shutdown_succeeded;
    bool shutdown_was_tried;
    bool wipe_was_tried;
    int bad_moves; /* from a state to one that never follows it */
};

/* A transition that is not as in the tables, to see that somebody notices. */
struct mutation {
    const char *what;
    bool is_service;
    uint8_t state;
    uint8_t event;
    uint8_t next; /* 0: not listed */
    uint8_t action;
    bool is_silent; /* not listed, and nobody is told */
};
/* The one in force; NULL: none. */
extern const struct mutation *model_mutation;

extern struct model model;

/* A new PID 1 that has just started agent-boot, or could not: FORKS_FAIL. */
void model_reset(bool forks_fail);
/* Lets WHAT happen and PID 1 do all it wants to do then. False when it cannot happen now. */
bool model_happen(enum happening what);
const char *model_happening_name(enum happening what);

/* Called for every move of a session or a service. */
void model_note_move(bool is_service, uint32_t from, uint32_t to);
/* The first thing that does not hold, in words; NULL: all is well. */
const char *model_find_violation(void);

#endif
