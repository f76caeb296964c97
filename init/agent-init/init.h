/* All state of PID 1, in one structure of fixed size, and what its parts do for each other. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include <stdbool.h>
#include <stdint.h>

#include "init/machine/service.h"
#include "lib/base/event_loop.h"

#define INIT_EVENTS_MAX 256
/* Connections to the control socket, and how many of them are kept for uid 0. */
#define INIT_CLIENTS_MAX 16
#define INIT_CLIENTS_RESERVED 4
/* Signals, boot, control; a pidfd and a socket per service; three programs' pidfds; the
 * clients. */
#define INIT_SOURCES_MAX (3 + 2 * INIT_SERVICES_MAX + 3 + INIT_CLIENTS_MAX)

/* Timers: one per service, by its number, and these. */
enum init_timer {
    INIT_TIMER_DEADLINE = INIT_SERVICES_MAX, /* of the session's state */
    INIT_TIMER_TICK,                         /* look again: nothing tells us by itself */
    INIT_TIMER_REAP,                         /* reap again */
    INIT_TIMER_COUNT
};

/* What agent-boot is started for. */
enum init_program {
    INIT_PROGRAM_BOOT,
    INIT_PROGRAM_SHUTDOWN,
    INIT_PROGRAM_WIPE,
    INIT_PROGRAM_COUNT
};

enum client_mode { CLIENT_FREE, CLIENT_IDLE, CLIENT_EVENTS, CLIENT_FOLLOW, CLIENT_WAIT };

/* A connection to the control socket: one question, its answers, closed. */
struct client {
    struct init *init; /* borrowed; for callbacks */
    enum client_mode mode;
    int fd;     /* owned */
    int source; /* of the event loop */
    bool is_root;
    uint64_t next_sequence; /* of the next event it gets */
    char service[INIT_NAME_SIZE];
};

struct init {
    struct event_loop loop;
    bool is_pid1;
    bool is_unwound; /* agent-boot refused and took back what it had made: nothing to shut down */
    enum init_session_state state;
    struct session_outcome outcome;
    uint32_t stop_count; /* INT and TERM so far */
    uint32_t grace_ms;
    uint64_t started_ns;
    uint64_t stop_ns; /* when the stop began; 0: it has not */
    uint64_t rest_ns; /* until then nobody is reaped */
    uint32_t rests;   /* in a row */
    uint64_t away_ns; /* monotonic time less our own of the cpu, at the last look at both */
    int signal_fd;
    struct service *main; /* NULL while agent-boot has not named it */
    uint32_t service_count;

    const char *boot_program;          /* NULL: a plain init */
    const char *const *boot_arguments; /* NULL-terminated */
    uint64_t program_deadline_ns;      /* told to the program that runs for the stop */
    int pending_program;               /* to be tried again at the next tick; -1: none */
    uint32_t program_tries;
    int boot_fd; /* owned; our end of the pair with the program that runs; -1: none */
    int boot_source;

    int control_fd; /* owned; -1: none */
    int control_source;
    int channel_fd; /* owned; -1: none */
    uint32_t channel_lost;
    uint64_t last_sequence;
    struct child programs[INIT_PROGRAM_COUNT];
    struct client clients[INIT_CLIENTS_MAX];
    struct event_timer timers[INIT_TIMER_COUNT];
    struct event_source sources[INIT_SOURCES_MAX];
    struct service services[INIT_SERVICES_MAX];
    struct init_event events[INIT_EVENTS_MAX];   /* a ring, by sequence */
    struct init_boot_message message;            /* the one being read */
    const char *pointers[INIT_STRINGS_SIZE + 8]; /* argv and environment of what is being started */
};

/* events.c: writes an event into the ring and to the root channel. SERVICE is "" for PID 1 itself.
 */
void events_record(struct init *init, enum init_event_kind kind, const char *service,
                   uint32_t value);
/* Takes FD as the root channel and sends what it missed. */
void events_open_channel(struct init *init, int fd);
/* The event with SEQUENCE; NULL when it is not in the ring (any more). Borrowed. */
const struct init_event *events_find(const struct init *init, uint64_t sequence);

/* supervisor.c: feeds EVENT to SERVICE; one that is not listed is recorded and dropped. */
void supervisor_post(struct init *init, struct service *service, enum service_event event);
/* What agent-initctl asks for. */
void supervisor_stop(struct init *init, struct service *service);
void supervisor_restart(struct init *init, struct service *service);
/* SERVICE has its watchdog's time again, if it has one. */
void supervisor_watch(struct service *service);
/* If PID is a service's: closes its books, true. */
bool supervisor_child_ended(struct init *init, pid_t pid, int wait_status);
/* Starts or stops what may be by now. */
void supervisor_settle(struct init *init);
/* True while a service has a process. */
bool supervisor_is_running(const struct init *init);

/* notice.c: makes the socket on which SERVICE tells; *THEIRS is owned by the caller. 0 or -errno.
 */
int notice_open(struct service *service, int *theirs);
void notice_close(struct service *service);
/* True when SERVICE may have something to tell after it was ready. */
bool notice_is_needed(const struct service *service);
/* The variable that names what is stored. Borrowed until the next call. */
const char *notice_describe_store(const struct service *service);
/* Closes everything that is stored. */
void notice_empty_store(struct service *service);

/* program.c: starts agent-boot for PROGRAM, or tries again at the next tick. */
void program_start(struct init *init, enum init_program program);
/* If PID is a program's: hears its last words and tells the session. */
void program_child_ended(struct init *init, pid_t pid, int wait_status);

/* session.c: feeds EVENT to the session; one that is not listed is recorded and dropped. */
void session_post(struct init *init, enum session_event event);
/* INT or TERM came, or SIGNAL 0 for agent-initctl stop. */
void session_request_stop(struct init *init, int signal);
/* The loop's callback for signal_fd. */
void session_on_signal(void *context, uint32_t events);
/* Looks whether what a stopping session waits for has come. */
void session_settle(struct init *init);
/* Looks again after DELAY_MS at the latest. */
void session_tick(struct init *init, uint32_t delay_ms);
/* The part of the grace in which everything else must end, so that the shutdown has the rest. */
uint32_t session_window_ms(const struct init *init);

/* reap.c: takes the dead children there are, at most a batch. True when there may be more. */
bool reap_children(struct init *init);
/* Takes PID if it is a child and dead; true then. What a signal tells of may be one of many. */
bool reap_child(struct init *init, pid_t pid);
/* Watches CHILD's end. */
void reap_watch(struct init *init, struct child *child);
/* Forgets CHILD, which has been reaped. */
void reap_forget(struct init *init, struct child *child);
/* Sends SIGNAL to every process but PID 1; when we are not that, to every child. */
void reap_signal_all(struct init *init, int signal);
/* True when there is no process that reap_signal_all would reach. */
bool reap_is_empty(const struct init *init);

/* control.c: opens INIT_CONTROL_SOCKET; failing that, says so and goes on without. */
void control_open(struct init *init);
/* Lets the next connection in. */
void control_listen(struct init *init);
/* Answers who can be answered by now. */
void control_settle(struct init *init);

#endif
