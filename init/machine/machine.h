/*
 * What PID 1 does when: two tables of pure transitions, one for the session and one for each
 * service. No system calls, so that a test can drive them through every order of events. PID 1
 * carries out the actions; agent-initctl prints the names.
 */
#ifndef INIT_MACHINE_H
#define INIT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire/init_protocol.h"

enum session_event {
    SESSION_BOOT_READY,
    SESSION_BOOT_REFUSED,
    SESSION_BOOT_BROKEN, /* agent-boot said something that PID 1 does not understand */
    SESSION_BOOT_ENDED,
    SESSION_MAIN_ENDED,
    SESSION_SERVICE_LIMIT,  /* a required service failed for good */
    SESSION_STOP,           /* first INT or TERM, or agent-initctl stop */
    SESSION_STOP_AGAIN,     /* second */
    SESSION_STOP_FORCE,     /* third and later */
    SESSION_SERVICES_ENDED, /* no service has a process */
    SESSION_EMPTY,          /* no process is left but PID 1 */
    SESSION_DEADLINE,
    SESSION_SHUTDOWN_ENDED,
    SESSION_SHUTDOWN_FAILED, /* it ended with another code than 0 */
    SESSION_WIPE_ENDED,
    SESSION_EVENT_COUNT
};

enum session_action {
    SESSION_DO_NOTHING,
    SESSION_DO_AWAIT_BOOT, /* agent-boot unwinds by itself */
    SESSION_DO_UNWIND,     /* TERM to agent-boot */
    SESSION_DO_START,      /* the services */
    SESSION_DO_STOP,       /* the services, in order */
    SESSION_DO_SWEEP,      /* TERM to everything */
    SESSION_DO_KILL,       /* KILL to everything */
    SESSION_DO_SHUTDOWN,   /* start the shutdown program */
    SESSION_DO_WIPE,       /* KILL to everything, start the wiping */
    SESSION_ACTION_COUNT
};

/* Moves *STATE as the table says. False, and nothing is changed, when EVENT is not listed for it.
 */
bool session_step(enum init_session_state *state, enum session_event event,
                  enum session_action *action);

/* All that decides the exit code. */
struct session_outcome {
    bool is_limit_reached; /* a required service failed for good */
    bool has_main_ended;
    int main_status; /* wait status */
    bool is_refused; /* agent-boot refused */
    int refused_code;
    int stop_signal; /* that asked for the stop; 0: none did */
};

/* The exit code of PID 1. */
int session_exit_code(const struct session_outcome *outcome);

enum service_event {
    SERVICE_START, /* its dependencies are ready */
    SERVICE_READY,
    SERVICE_TIMER, /* ready timeout, watchdog, backoff or stop grace, by state */
    SERVICE_STOP,
    SERVICE_RESTART,
    SERVICE_END,   /* it ended and stays down */
    SERVICE_RETRY, /* it ended, or had no process yet, and is to come back */
    SERVICE_FAIL,  /* it ended for the last time, or a dependency never comes */
    SERVICE_EVENT_COUNT
};

enum service_action {
    SERVICE_DO_NOTHING,
    SERVICE_DO_SPAWN,
    SERVICE_DO_ANNOUNCE, /* it is ready */
    SERVICE_DO_TERM,     /* TERM, and KILL after its grace */
    SERVICE_DO_KILL,
    SERVICE_DO_DELAY, /* wait before the next start */
    SERVICE_DO_GIVE_UP,
    SERVICE_ACTION_COUNT
};

/* As session_step. */
bool service_step(enum init_service_state *state, enum service_event event,
                  enum service_action *action);

/* Names for people and JSON, lower case with '-'; NULL for a number that is none. Borrowed. */
const char *machine_session_state_name(uint32_t state);
const char *machine_session_event_name(uint32_t event);
const char *machine_service_state_name(uint32_t state);
const char *machine_service_event_name(uint32_t event);

#endif
