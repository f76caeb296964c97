/*
 * What agent-boot, agent-init and agent-initctl say to each other: fixed-size structures of one
 * machine, in host byte order, one structure per SOCK_SEQPACKET message. No parsing, no allocation.
 */
#ifndef WIRE_INIT_PROTOCOL_H
#define WIRE_INIT_PROTOCOL_H

#include <stdint.h>

#define INIT_PROTOCOL_VERSION 1
#define INIT_RUN_DIRECTORY "/run/coding-agents"
#define INIT_CONTROL_SOCKET INIT_RUN_DIRECTORY "/init.sock"

/* What PID 1 boots when --boot names nothing else. */
#define INIT_BOOT_PROGRAM "/usr/libexec/coding-agents/agent-boot"
/* agent-boot finds its end of the socket pair to PID 1 here. */
#define INIT_BOOT_FD 3
/* A service that has something to tell finds its end of a socket pair here, and the number in the
 * variable. */
#define INIT_NOTIFY_FD 3
#define INIT_NOTIFY_VARIABLE "NOTIFY_FD"
/* What it stored and had not removed comes back from here on, in the order of the names in the
 * variable, which ':' separates. */
#define INIT_STORE_FD 4
#define INIT_STORE_VARIABLE "STORED_FDS"

#define INIT_SERVICES_MAX 64
#define INIT_NAME_SIZE 32
#define INIT_DEPENDENCIES_MAX 8
#define INIT_STRINGS_SIZE 16384
#define INIT_FDS_MAX 8

enum init_service_flags {
    INIT_SERVICE_MAIN = 1 << 0,     /* its end is the end of the session; exactly one */
    INIT_SERVICE_READY_FD = 1 << 1, /* ready when it says INIT_NOTICE_READY; else at exec */
    INIT_SERVICE_REQUIRED = 1 << 2, /* reaching its restart limit stops the session */
    INIT_SERVICE_TTY =
        1 << 3, /* gets PID 1's terminal as its controlling terminal, when there is one */
    INIT_SERVICE_RESTART = 1 << 4, /* restarted when it ends, with backoff */
};

/* One service, flat and already checked by agent-boot. Times in milliseconds. */
struct init_service {
    char name[INIT_NAME_SIZE];
    uint32_t flags;
    uint64_t capabilities;  /* the child is cut down to this mask before exec; 0 for none */
    uint32_t restart_limit; /* restarts within restart_window_ms before it counts as failed */
    uint32_t restart_window_ms;
    uint32_t backoff_ms; /* before the first restart; doubles up to backoff_max_ms */
    uint32_t backoff_max_ms;
    uint32_t ready_timeout_ms; /* 0: none */
    uint32_t stop_grace_ms;    /* TERM to KILL */
    uint32_t watchdog_ms;      /* once ready it says INIT_NOTICE_ALIVE at least this often; 0: no */
    uint32_t store_max; /* descriptors it may store, at most INIT_FDS_MAX; for those that boot
                           trusts: PID 1 closes what they stored, and some files make that wait */
    uint8_t dependency_count;
    uint8_t dependencies[INIT_DEPENDENCIES_MAX]; /* indices of services sent earlier, which must be
                                                    ready first */
    uint16_t argument_count;    /* argv strings lie first in strings, NUL after each */
    uint16_t environment_count; /* then the environment strings */
    uint32_t strings_size;
    char strings[INIT_STRINGS_SIZE];
};

/*
 * What a service says on its end of the pair, one structure a message. The word is one of these,
 * filled up with NULs; what is not sent of the structure counts as NULs, so a shell can say the
 * words that need no name: printf 'READY=1\n' >&"$NOTIFY_FD".
 */
#define INIT_NOTICE_READY "READY=1\n"
#define INIT_NOTICE_ALIVE "WATCHDOG=1\n"
#define INIT_NOTICE_STORE "FDSTORE=1\n"   /* carries one fd, kept under name */
#define INIT_NOTICE_REMOVE "FDREMOVE=1\n" /* closes what is kept under name */

struct init_notice {
    char word[12];
    char name[INIT_NAME_SIZE]; /* NUL-terminated; letters, digits, '.', '_', '-' */
};

/* Messages from agent-boot to PID 1 over INIT_BOOT_FD, in this order: SERVICE*, [CHANNEL], READY.
 */
enum init_boot_message_type {
    INIT_BOOT_SERVICE = 1, /* a struct init_service follows */
    INIT_BOOT_CHANNEL =
        2, /* carries one fd (SCM_RIGHTS): PID 1's own connection to the root channel */
    INIT_BOOT_READY = 3,   /* boot is done: start the services. value: stop grace in ms */
    INIT_BOOT_REFUSED = 4, /* boot has unwound and printed why. value: exit code */
};

/* Beside the exit code of INIT_BOOT_REFUSED: boot is not root any more, or could not take down all
 * that it had made; PID 1 has what is secret wiped. */
#define INIT_BOOT_STANDING 0x100u

struct init_boot_message {
    uint32_t version;
    uint32_t type;
    uint32_t value;
    struct init_service service; /* only for INIT_BOOT_SERVICE; unused strings may be left out */
};

/* What happened, kept in PID 1's ring, sent to subscribers and over the root channel. */
enum init_event_kind {
    INIT_EVENT_BOOT_STARTED = 1,
    INIT_EVENT_BOOT_READY = 2,
    INIT_EVENT_BOOT_REFUSED = 3,    /* value: exit code */
    INIT_EVENT_SERVICE_STARTED = 4, /* value: pid */
    INIT_EVENT_SERVICE_READY = 5,
    INIT_EVENT_SERVICE_EXITED = 6,     /* value: wait status */
    INIT_EVENT_SERVICE_RESTARTING = 7, /* value: delay in ms */
    INIT_EVENT_SERVICE_FAILED =
        8, /* restart limit reached, or it could not be started; value: errno or 0 */
    INIT_EVENT_STOP_REQUESTED = 9,  /* value: signal, or 0 when main ended */
    INIT_EVENT_STOP_ESCALATED = 10, /* value: signal sent to what was left */
    INIT_EVENT_SHUTDOWN_STARTED = 11,
    INIT_EVENT_SHUTDOWN_DONE = 12,       /* value: wait status of the shutdown */
    INIT_EVENT_TRANSITION_REJECTED = 13, /* value: state << 16 | event */
    INIT_EVENT_OVERFLOW = 14,            /* value: events lost */
    INIT_EVENT_SERVICE_TIMED_OUT = 15,   /* not ready, or not alive; value: the ms it was given */
    INIT_EVENT_NOTICE_REFUSED = 16,      /* the first of a process; value: errno */
};

struct init_event {
    uint32_t version;
    uint32_t kind;
    uint64_t sequence; /* from 1, without gaps */
    uint64_t realtime_ns;
    uint64_t monotonic_ns;
    uint32_t value;
    char service[INIT_NAME_SIZE]; /* NUL-terminated, empty when the event is about PID 1 */
    uint32_t reserved;
};

/* Requests on INIT_CONTROL_SOCKET (mode 0666; STOP and RESTART only for SO_PEERCRED uid 0). */
enum init_request_type {
    INIT_REQUEST_STATUS =
        1, /* answered by the session's status, one status per service, then INIT_REPLY_END */
    INIT_REQUEST_STOP = 2,    /* service empty: the whole session */
    INIT_REQUEST_RESTART = 3, /* one service */
    INIT_REQUEST_EVENTS = 4,  /* answered by the ring, then END */
    INIT_REQUEST_FOLLOW = 5,  /* the ring, then events as they come; END with the session */
    INIT_REQUEST_WAIT = 6,    /* END when the service is ready; ERROR when it failed or ended */
};

struct init_request {
    uint32_t version;
    uint32_t type;
    char service[INIT_NAME_SIZE];
};

enum init_reply_type {
    INIT_REPLY_END = 1,
    INIT_REPLY_ERROR = 2, /* error: positive errno */
    INIT_REPLY_SERVICE = 3,
    INIT_REPLY_EVENT = 4,
    INIT_REPLY_SESSION = 5, /* first answer to STATUS */
};

enum init_service_state {
    INIT_STATE_WAITING = 1, /* for its dependencies */
    INIT_STATE_STARTING = 2,
    INIT_STATE_READY = 3,
    INIT_STATE_BACKOFF = 4,
    INIT_STATE_STOPPING = 5,
    INIT_STATE_EXITED = 6,
    INIT_STATE_FAILED = 7,
};

struct init_service_status {
    char name[INIT_NAME_SIZE];
    uint32_t state;
    uint32_t flags;
    int32_t pid;
    uint32_t restarts;
    int32_t last_wait_status; /* -1 before the first end */
    uint32_t stored_fds;
    uint64_t since_monotonic_ns;
    uint64_t next_start_monotonic_ns; /* in BACKOFF; else 0 */
};

/* The states of PID 1's session machine. */
enum init_session_state {
    INIT_SESSION_BOOTING = 0,
    INIT_SESSION_UNWINDING = 1, /* stopped while booting: agent-boot takes back what it made */
    INIT_SESSION_RUNNING = 2,
    INIT_SESSION_STOPPING = 3, /* services end in order, main first */
    INIT_SESSION_SWEEPING = 4, /* whatever else lives got TERM */
    INIT_SESSION_KILLING = 5,
    INIT_SESSION_SHUTDOWN = 6, /* the shutdown program runs */
    INIT_SESSION_WIPING = 7,   /* forced, or the shutdown failed: only the secrets are wiped */
    INIT_SESSION_DONE = 8,
    INIT_SESSION_STATE_COUNT
};

struct init_session_status {
    uint32_t state; /* enum init_session_state */
    uint32_t service_count;
    uint64_t started_monotonic_ns;
    uint64_t now_monotonic_ns;
    uint32_t stop_grace_ms;
    int32_t exit_code; /* -1 while running */
};

struct init_reply {
    uint32_t version;
    uint32_t type;
    uint32_t error;
    uint32_t reserved;
    union {
        struct init_service_status service;
        struct init_session_status session;
        struct init_event event;
    };
};

#endif
