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
    WEB_SAYS_IT_LIVES,
    WEB_ENDS,
    MAIN_ENDS,
    ORPHAN_COMES,
    ORPHAN_ENDS,
    STUCK_COMES, /* a process that not even KILL ends, as in a hung file system */
    TERM_COMES,
    INT_COMES,
    RESTART_WEB, /* agent-initctl */
    STOP_WEB,
    FORKS_FAIL,     /* and work again when it happens once more */
    CLIENT_FAILS,   /* there is no descriptor for one that connects */
    LOOKS_ARE_SLOW, /* past thousands who live; and quick again */
    SHUTDOWN_SUCCEEDS,
    SHUTDOWN_FAILS,
    WIPE_ENDS,
    TIME_PASSES, /* to the next timer, or to what was promised next */
    /* From here on only in long orders. */
    BOOT_REFUSES_LATE, /* with everything up */
    FREEZE_PASSES,     /* the container was frozen: time went by, and nobody looked */
    CROWD_ENDS,        /* more orphans at once than PID 1 rests in a row */
    LOOKS_ARE_HELD,    /* up, because others have the cpu; and no longer */
    VISITOR_COMES,     /* from outside: nobody's child, and no signal tells of its end */
    VISITOR_LEAVES,
    KILL_IS_HELD, /* up by a hung file system; and no longer */
    EXTRA_ENDS,
    RESTART_EXTRA,
    STOP_EXTRA,
    HAPPENING_COUNT
};
#define FIRST_RARE_HAPPENING BOOT_REFUSES_LATE

/* WEB and EXTRA may be restarted so often; MAIN and EXTRA depend on WEB. */
#define MODEL_RESTARTS 1
#define MODEL_PROCESSES_MAX 256
/* What a look past thousands takes. */
#define MODEL_SLOW_LOOK_NS 60000
#define MODEL_GRACE_MS 300

/* The services, by their number. */
enum { WEB, MAIN, EXTRA, MODEL_SERVICES };

enum process_kind {
    PROCESS_BOOT,
    PROCESS_SHUTDOWN,
    PROCESS_WIPE,
    PROCESS_WEB, /* as the services from here on */
    PROCESS_MAIN,
    PROCESS_EXTRA,
    PROCESS_ORPHAN,
    PROCESS_STUCK,
    PROCESS_VISITOR,
};

struct process {
    enum process_kind kind;
    bool is_alive;
    int wait_status;   /* once it is dead */
    int reaped;        /* times */
    bool got_stop;     /* TERM or INT */
    bool is_continued; /* after that */
    bool got_kill;
};

/* What the log of PID 1 must tell of, each time. */
enum record {
    RECORD_BOOT_READY,
    RECORD_STOP,
    RECORD_SWEEP,
    RECORD_KILL,
    RECORD_SHUTDOWN,
    RECORD_SERVICE_STARTED,
    RECORD_SERVICE_READY,
    RECORD_SERVICE_RESTARTING,
    RECORD_SERVICE_FAILED,
    RECORD_COUNT
};

/* What PID 1 has promised to do at a time, as the manual says, whatever its timers say. */
enum promise_kind {
    PROMISE_WEB, /* the end of the state it is in */
    PROMISE_MAIN,
    PROMISE_EXTRA,
    PROMISE_SESSION, /* the same */
    PROMISE_EMPTY,   /* that nobody is left is seen */
    PROMISE_KILL,    /* that somebody is, while everybody is killed */
    PROMISE_LOOK,    /* for the dead, after a rest */
    PROMISE_LISTEN,  /* to the next client */
    PROMISE_COUNT
};

struct promise {
    uint64_t due_ns; /* 0: none */
    uint32_t rings;  /* of the clock, when it was made */
    int signal;      /* that keeps it; 0: leaving the state does */
};

struct model {
    struct init init;
    uint64_t now_ns;
    struct process processes[MODEL_PROCESSES_MAX]; /* the pid is the number and 2 */
    int process_count;
    bool forks_fail;
    bool looks_are_slow;
    bool looks_are_held;
    bool is_kill_held;
    bool is_walk;      /* the last look was one past thousands */
    bool is_woken;     /* by what happened */
    bool is_reap_vain; /* the timer for reaping rang, and nobody was dead or died since */
    uint64_t cpu_ns;
    int starts[MODEL_SERVICES]; /* since the beginning, or since an order to restart */
    int terms;
    int starts_while_not_running; /* of services */
    uint32_t rejected;            /* transitions the tables refused */
    uint32_t rejections_recorded;
    uint64_t events_seen;
    int open_fds;
    bool shutdown_succeeded;
    bool shutdown_was_tried;
    bool wipe_was_tried;
    int bad_moves;    /* from a state to one that never follows it */
    uint64_t rung_ns; /* when the clock last rang */
    uint32_t rings;
    uint64_t looked_ns; /* for any dead one */
    uint64_t look_ns;   /* what that took */
    uint64_t frozen_ns; /* since the beginning */
    uint64_t stop_ns;   /* when the stop began; 0: it has not */
    struct promise promises[PROMISE_COUNT];
    int early;                              /* things done before their time, or that have none */
    int armed_for_the_past;                 /* timers, which could ring again and again */
    int wrongly_told;                       /* programs that were told another time than theirs */
    bool has_refused;                       /* boot, which unwinds without being told */
    bool is_interrupted;                    /* it was an INT that began the stop */
    bool is_restart_wanted[MODEL_SERVICES]; /* when its process has ended */
    int failed_starts[MODEL_SERVICES];      /* in a row */
    int swept;                              /* as many processes were there when the sweep began */
    uint32_t seen[RECORD_COUNT];            /* of PID 1 itself */
    uint32_t told[RECORD_COUNT];            /* by its log */
    uint32_t refused;                       /* transitions that nobody may ask for */
    int misled;     /* signals to somebody who was not to get them, or not then */
    int kills_said; /* and not done, of one service or of all */
    int misplaced;  /* programs that were started in another state than theirs, or again */
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
/* The transition as it is, a mutation that changes nothing. */
struct mutation model_listed_transition(bool is_service, uint8_t state, uint8_t event);

enum time_change {
    TIME_NEVER,      /* it is not armed */
    TIME_TWICE,      /* as long */
    TIME_HALF,       /* as long */
    TIME_RELATIVE,   /* a span is taken for a point in time */
    TIME_REALTIME,   /* of the other clock */
    TIME_FROM_NOW,   /* what counts from the beginning of the stop */
    TIME_FROM_START, /* of the stop, what counts from now */
    TIME_KEPT,       /* it is not disarmed */
};

/* A timer that is not as in the program. */
struct time_mutation {
    size_t timer;  /* of enum init_timer, or a service's number */
    uint8_t state; /* the session's or the service's, when it is armed; 0 for other timers */
    enum time_change change;
};
/* The one in force; NULL: none. */
extern const struct time_mutation *model_time_mutation;

extern struct model model;

/* A new PID 1 that has just started agent-boot, or could not: FORKS_FAIL. */
void model_reset(bool forks_fail);
/* Lets WHAT happen and PID 1 do all it wants to do then. False when it cannot happen now. */
bool model_happen(enum happening what);
const char *model_happening_name(enum happening what);

/* Called for every move of a session or a service. */
void model_note_move(bool is_service, uint32_t from, uint32_t to);

/* model_promises.c: called for each event before it has an effect, and each move after it. */
void promises_note_session_event(enum session_event event);
void promises_note_session(enum init_session_state from, enum init_session_state to);
void promises_note_service_event(const enum init_service_state *state, enum service_event event);
void promises_note_service(const enum init_service_state *state, enum init_service_state from);
/* SIGNAL was sent to PID and to nobody else. */
void promises_note_signal(pid_t pid, int signal);
/* WEB said that it lives. */
void promises_note_life(void);
/* A client that could not be let in; and that the next one can. */
void promises_note_client(bool is_let_in);
/* After all that PID 1 wanted to do. */
void promises_note_rest(void);
/* A program was told DEADLINE_NS. */
void promises_note_told(uint64_t deadline_ns);
/* The clock rings: what is due by now must be kept in this round. */
void promises_ring(void);
/* When the next one is due; 0: none is in force. */
uint64_t promises_next(void);
/* True while none was missed. */
bool promises_are_kept(void);
/* model_record.c: called for each entry of the log. */
void record_note_entry(const struct init_event *entry);
/* Called for each move, before it has an effect. */
void record_note_session(enum init_session_state from, enum init_session_state to);
void record_note_service(enum init_service_state from, enum init_service_state to);
/* A service has a process. */
void record_note_start(void);
/* A program is to be started. */
void record_note_program(enum process_kind kind);
/* EVENT was refused in the session's state, or a service's. */
void record_note_refusal(bool is_service, uint32_t state, uint32_t event);
/* SIGNAL goes to PROCESS alone; to everybody. */
void record_note_signal(const struct process *process, int signal);
void record_note_signal_to_all(int signal);
/* What PID 1 says on stderr begins with WORDS. */
void record_note_words(const char *words);
bool record_is_complete(void);
/* True while it has said of whom it killed, and of nobody else. */
bool record_is_honest(void);

/* The first thing that does not hold, in words; NULL: all is well. */
const char *model_find_violation(void);

#endif
