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
#include "lib/wire/exec_event.h"
#include "lib/wire/init_protocol.h"
#include "lib/wire/task_protocol.h"
#include "sandbox/agent-task-runnerd/limits.h"
#include "sandbox/exec-trap/registers.h"
#include "sandbox/exec-trap/throttle.h"

/* Connections, tickets, callers of sandboxes, logs, and what main, keeper and service need. */
#define SOURCES_MAX (CLIENTS_MAX + CALLS_MAX + 2 * SANDBOXES_MAX + 8)
/* What may put something on record, which waits while the record is full: the listener, stops of
 * traced threads, sandboxes' control sockets and ends. */
#define GATED_MAX (2 * SANDBOXES_MAX + 4)

enum runner_timer {
    TIMER_THROTTLE,  /* the first delayed call is due */
    TIMER_TICK,      /* somebody's patience may have ended */
    TIMER_RECONNECT, /* to the sandbox service */
    TIMER_KEEPER,    /* to the keeper */
    TIMER_COUNT
};

/* The calls that are owed an answer, for whoever takes our place. */
#define RUNNER_JOURNAL "/run/coding-agents/runner-calls"

/* Tells one file from all others. */
struct program {
    uint64_t device;
    uint64_t inode;
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
    bool is_masked; /* every signal is blocked for it, mask is what was */
    uid_t uid;
    uint64_t deadline_ns; /* DELAYED: when it goes on; 0: none */
    uint64_t sequence;    /* RECORDING: of its event */
    uint64_t mask;
    struct seccomp_data notified;   /* the call as it was made */
    struct registers_exec expected; /* and as it is made again */
    struct program from;
    struct program target;
    struct registers saved;
    uint64_t issued_ns; /* TICKET: CLOCK_MONOTONIC */
    int pidfd;          /* TICKET: owned */
    int source;
    char path[PATH_MAX]; /* what the sandbox is asked for */
};

struct calls {
    struct call rows[CALLS_MAX];
    pid_t threads[CALLS_MAX]; /* of each row; a ticket's process */
    size_t end;               /* rows from here on are free */
    union journal_entry *journal;
    int listener; /* owned; -1: none */
    int listener_source;
    bool is_listening; /* false while the table is full */
    int trace_fd;      /* owned; SIGCHLD */
    struct program relay;
    struct throttle throttle;
};

enum client_state {
    CLIENT_FREE = 0,
    CLIENT_ACCEPTED,  /* has not said what it wants */
    CLIENT_QUEUED,    /* waits for a sandbox */
    CLIENT_HANDED,    /* a sandbox has it and has not yet said that it is its */
    CLIENT_RELOADING, /* waits for the service's answer */
    CLIENT_LISTING,   /* reads rows */
};

struct client {
    struct runner *runner;
    enum client_state state;
    bool is_ticketed;
    pid_t pid;
    uid_t uid;
    int connection; /* owned */
    int source;
    int pidfd; /* owned; -1: not known yet */
    uint64_t accepted_ns;
    uint64_t deadline_ns;
    uint64_t number; /* in the order of arrival */
    uint32_t profile;
    uint32_t cursor;     /* LISTING: the next row */
    struct unix_fds fds; /* owned */
    struct task_run run;
    char program[PATH_MAX]; /* the ticket's */
};

struct clients {
    struct client rows[CLIENTS_MAX];
    int listen_fd; /* owned */
    int listen_source;
    bool is_accepting;
    uint64_t count;
};

enum sandbox_state {
    SANDBOX_FREE = 0,
    SANDBOX_MAKING,    /* the service was asked */
    SANDBOX_WARM,      /* waits for a command */
    SANDBOX_JUDGING,   /* has the command */
    SANDBOX_HASHING,   /* reads the program for its digest */
    SANDBOX_RECORDING, /* until the verdict is on record */
    SANDBOX_RUNNING,
    SANDBOX_LINGERING,
    SANDBOX_ENDING, /* its init was killed, or has nothing left to do */
    SANDBOX_STATE_COUNT
};

struct sandbox {
    struct runner *runner;
    enum sandbox_state state;
    char id[TASK_ID_SIZE];
    uint32_t profile;
    char profile_name[TASK_PROFILE_SIZE];
    uint32_t linger_seconds;
    uint32_t generation;
    pid_t pid;
    int control; /* owned */
    int control_source;
    int pidfd; /* owned */
    int pid_source;
    struct client *client; /* JUDGING; borrowed */
    int caller_pidfd;      /* owned; -1: nobody waits */
    int caller_source;
    pid_t caller_pid;
    uid_t caller_uid;
    bool is_detached;
    bool has_run; /* GO was said for a command that runs */
    uint64_t started_realtime_ns;
    uint64_t started_ns;
    uint64_t deadline_ns; /* LINGERING */
    uint64_t sequence;    /* RECORDING */
    int log;              /* owned; -1: none; what a detached command said */
    int log_pipe;         /* owned */
    int log_source;
    uint32_t log_size;
    struct task_file file; /* HASHING: whose digest is waited for */
    struct exec_event event;
    char arguments[TASK_ARGUMENTS_SHOWN];
};

struct digest {
    struct task_file file; /* inode 0: none */
    uint8_t digest[TASK_DIGEST_SIZE];
};

struct sandboxes {
    struct sandbox rows[SANDBOXES_MAX];
    struct digest digests[DIGESTS_MAX];
    size_t digest_next;
    uint64_t count; /* ever made: the numbers of their ids */
    uint64_t executed;
    uint64_t denied;
};

struct direct_rule {
    struct program from; /* inode 0: there is no such file, the rule is off */
    struct program program;
    struct task_direct shape;
};

/* What the service said of itself, and the connection to it. */
struct pool {
    int fd; /* owned; -1: none */
    int source;
    bool is_configured;
    uint32_t generation;
    bool is_observing;
    uint32_t profile_count;
    struct task_profile profiles[TASK_PROFILES_MAX];
    uint32_t direct_count;
    struct direct_rule direct[TASK_DIRECT_MAX];
    /* The answer to HELLO or RELOAD while it comes in, message by message. */
    bool is_receiving;
    struct task_configuration coming;
    uint32_t coming_profiles;
    uint32_t coming_direct;
    struct task_profile new_profiles[TASK_PROFILES_MAX];
    struct task_direct new_direct[TASK_DIRECT_MAX];
    uint64_t retry_ns; /* the service could not make one: not before this time */
};

struct audit_frame {
    size_t size;
    uint8_t bytes[12 + sizeof(struct exec_event) + TASK_ARGUMENTS_SHOWN];
};

enum audit_state {
    AUDIT_STDERR = 0, /* no keeper */
    AUDIT_AWAY,       /* connects again and again */
    AUDIT_GREETING,   /* hello was said */
    AUDIT_OPEN,
};

struct audit {
    const char *keeper;  /* its socket; borrowed; NULL: none, events go to stderr */
    const char *session; /* what it is asked for; borrowed */
    enum audit_state state;
    int fd; /* owned; -1: none */
    int source;
    uint64_t away_ns;                            /* since when */
    uint64_t made;                               /* events */
    uint64_t sent;                               /* of them */
    bool is_full;                                /* the keeper reads too slowly */
    struct audit_frame frames[AUDIT_FRAMES_MAX]; /* event N lies in row N modulo their number */
};

struct runner {
    struct event_loop loop;
    struct event_source sources[SOURCES_MAX];
    struct event_timer timers[TIMER_COUNT];
    struct event_loop gated; /* a source of loop */
    struct event_source gated_sources[GATED_MAX];
    int gated_source;
    bool is_gated; /* it is not looked at */
    int stop_fd;   /* owned; SIGTERM */
    bool is_stopping;
    int notify;          /* owned; -1: nobody to tell */
    int stored_listener; /* owned until it is adopted; -1: none */
    uint64_t started_ns;
    uint64_t refused;
    uint64_t direct;
    struct calls calls;
    struct clients clients;
    struct sandboxes sandboxes;
    struct pool pool;
    struct audit audit;
};

#endif
