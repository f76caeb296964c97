/*
 * What the task runner knows. One thread, one loop, fixed tables: a table's row is
 * free while its state is 0, and whoever points at a row is told when it becomes free.
 */
#ifndef RUNNERD_TABLES_H
#define RUNNERD_TABLES_H

#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/event_loop.h"
#include "lib/base/unix_message.h"
#include "lib/base/watch.h"
#include "lib/wire/channel_frame.h"
#include "lib/wire/exec_event.h"
#include "lib/wire/init_protocol.h"
#include "lib/wire/task_protocol.h"
#include "sandbox/agent-task-runnerd/limits.h"
#include "sandbox/exec-trap/registers.h"
#include "sandbox/exec-trap/throttle.h"

/* Connections, tickets, and what main, listener, keeper and service need. */
#define SOURCES_MAX (CLIENTS_MAX + CALLS_MAX + 8)
/* What may put something on record, which waits while the record is full, beside the listener:
 * stops of traced threads, sandboxes' control sockets, ends and callers. */
#define GATED_MAX (3 * SANDBOXES_MAX + 4)

enum runner_timer {
    TIMER_THROTTLE,  /* the first delayed call is due */
    TIMER_TICK,      /* somebody's patience may have ended */
    TIMER_RECONNECT, /* to the sandbox service */
    TIMER_KEEPER,    /* to the keeper */
    TIMER_COUNT
};

/* The calls that are owed an answer, for whoever takes our place. */
#define RUNNER_JOURNAL "/run/coding-agents/runner-calls"

/* Tells one file from all others, and from itself after a change. */
struct program {
    uint64_t device;
    uint64_t inode; /* 0: there is no such file, and this is the same as none */
    int64_t changed_ns;
};

/*
 * What the kernel told about a call and was not answered yet. It lies in a file in memory into
 * which the kernel itself writes, so that a runner that takes the place of one that died knows
 * exactly what that owed.
 */
union journal_entry {
    struct seccomp_notif notification; /* id 0: nothing is owed */
    uint8_t room[128];                 /* a newer kernel's may be longer */
};

/* A trapped exec, from the notification until its relay has connected. */
enum call_state {
    CALL_FREE = 0,
    CALL_DELAYED,    /* throttled */
    CALL_RELEASING,  /* traced by mistake; stops to be let go */
    CALL_STOPPING,   /* answered; stops before it makes the call again */
    CALL_RESTARTING, /* set up; makes the call again */
    CALL_EXECUTING,  /* let through as exactly what was set up */
    CALL_RECORDING,  /* stopped in its new image until that is on record */
    CALL_DYING,      /* killed */
    CALL_TICKET,     /* a relay, untraced, that has not connected yet */
    CALL_STATE_COUNT,
    CALL_TRACED_FIRST = CALL_RELEASING,
    CALL_TRACED_LAST = CALL_DYING,
};

struct call {
    struct runner *runner;
    enum call_state state;
    bool is_direct;
    bool is_claimed; /* TICKET: a connection has it, and no other gets it */
    bool is_masked;  /* every signal is blocked for it, mask is what was */
    uid_t uid;
    uint64_t deadline_ns; /* DELAYED: when it goes on; 0: none */
    uint64_t sequence;    /* RECORDING: of its event */
    uint64_t mask;
    const char *why;              /* DELAYED: what to refuse it with, static; NULL: it goes on */
    int error;                    /* and the errno that its caller sees */
    struct seccomp_data notified; /* the call as it was made */
    struct seccomp_data expected; /* and as it is made again */
    struct program from;
    struct program target;
    struct registers saved;
    uint64_t issued_ns;  /* TICKET: CLOCK_MONOTONIC */
    struct watch end;    /* TICKET: the relay's pidfd */
    char path[PATH_MAX]; /* what the sandbox is asked for */
};

struct calls {
    struct call rows[CALLS_MAX];
    pid_t threads[CALLS_MAX]; /* of each row; a ticket's process */
    size_t end;               /* rows from here on are free */
    union journal_entry *journal;
    struct watch listener;
    bool is_full;   /* the listener is not looked at */
    int stopped_fd; /* owned; SIGCHLD */
    struct program relay;
    struct throttle throttle;
};

enum client_state {
    CLIENT_FREE = 0,
    CLIENT_ACCEPTED, /* has not said what it wants */
    CLIENT_QUEUED,   /* waits for a sandbox */
    CLIENT_HANDED,   /* a sandbox has it and has not yet said that it is its */
};

struct client {
    struct runner *runner;
    enum client_state state;
    bool is_ticketed; /* came with a ticket that was nobody's yet */
    pid_t pid;
    uid_t uid;
    struct watch connection;
    int pidfd; /* owned; -1: not known yet */
    uint64_t accepted_ns;
    uint64_t deadline_ns;
    uint32_t profile;
    struct unix_fds fds;     /* owned */
    struct task_start start; /* what the sandbox is told */
};

struct clients {
    struct client rows[CLIENTS_MAX];
    size_t end; /* rows from here on are free */
    struct watch door;
    bool is_full; /* it is not looked at */
};

enum sandbox_state {
    SANDBOX_FREE = 0,
    SANDBOX_MAKING,    /* the service was asked */
    SANDBOX_WARM,      /* waits for a command */
    SANDBOX_JUDGING,   /* has the command */
    SANDBOX_RECORDING, /* until the verdict is on record */
    SANDBOX_ASKING,    /* until a person has said what the verdict is */
    SANDBOX_RUNNING,
    SANDBOX_LINGERING,
    SANDBOX_ENDING, /* its init was killed, or has nothing left to do */
    SANDBOX_STATE_COUNT
};

struct sandbox {
    struct runner *runner;
    enum sandbox_state state;
    struct task_row row; /* what ps shows, but for its state: id, profile, caller, argv */
    uint32_t profile;    /* its number */
    uint64_t linger_seconds;
    uint32_t generation;
    struct watch control;
    struct watch end;      /* its init's pidfd */
    struct client *client; /* JUDGING; borrowed */
    struct watch caller;   /* a pidfd; none when nobody waits */
    bool has_run;          /* its start is on record, and needs an end */
    uint64_t deadline_ns;  /* ASKING, LINGERING */
    uint64_t sequence;     /* of its last event: RECORDING, ASKING */
    struct exec_event event;
    char arguments[TASK_ARGUMENTS_SHOWN]; /* what of them goes on record */
};

/* What the service said of itself, and the connection to it. */
struct pool {
    struct watch service;
    bool is_configured;
    struct task_configuration policy;
    uint64_t retry_ns; /* the service could not make one: not before this time */
};

/* From its header on as it is sent: nothing lies between its parts. */
struct audit_frame {
    uint32_t padding; /* the event's place is a multiple of 8 */
    struct channel_header header;
    struct exec_event event;
    char arguments[TASK_ARGUMENTS_SHOWN];
};

struct audit {
    const char *path;    /* of the keeper's socket; borrowed; NULL: none, events go to stderr */
    const char *session; /* what it is asked for; borrowed */
    struct watch keeper;
    bool is_open;                                /* the keeper has answered */
    bool is_full;                                /* and reads too slowly */
    uint64_t give_up_ns;                         /* until then it is waited for */
    uint64_t made;                               /* events */
    uint64_t sent;                               /* of them */
    struct audit_frame frames[AUDIT_FRAMES_MAX]; /* event N lies in row N modulo their number */
};

struct runner {
    struct event_loop loop;
    struct event_source sources[SOURCES_MAX];
    struct event_timer timers[TIMER_COUNT];
    struct event_loop gated; /* a source of loop */
    struct event_source gated_sources[GATED_MAX];
    struct watch gate;
    bool is_gated;            /* nothing that is put on record is looked at */
    struct error untraceable; /* why it may not trace; no number: it may */
    int stop_fd;              /* owned; SIGTERM */
    bool is_stopping;
    int notify;                    /* owned; -1: nobody to tell */
    int stored_listener;           /* owned until it is adopted; -1: none */
    uid_t command_uid;             /* agentuser of users.tab */
    struct task_status_row status; /* what of it does not change, and its counts */
    struct calls calls;
    struct clients clients;
    struct sandbox sandboxes[SANDBOXES_MAX];
    size_t sandbox_end;     /* rows from here on are free */
    uint64_t sandbox_count; /* ever made: the numbers of their ids */
    struct pool pool;
    struct audit audit;
};

#endif
