/* One supervised service and the rules about it that need no system call. */
#ifndef INIT_SERVICE_H
#define INIT_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/machine/machine.h"
#include "lib/base/spawn.h"

/* Failures to make a process (EAGAIN, ENOMEM) in a row before the start counts as failed. */
#define SERVICE_SPAWN_TRIES 8

struct init;

struct service {
    struct init *init; /* borrowed; for callbacks */
    enum init_service_state state;
    struct child child;
    int notice_fd;     /* owned; -1: nothing to be heard */
    int notice_source; /* of the event loop; -1: none */
    bool is_stop_wanted;
    bool is_restart_wanted;
    bool is_term_owed;        /* it was sent INT, and gets TERM before KILL */
    bool is_timed_out;        /* not ready or not alive in time: its end is a failure */
    bool is_notice_refused;   /* of this process, and recorded */
    uint32_t restarts;        /* since the session began */
    uint32_t window_restarts; /* since window_start_ns */
    uint32_t spawn_tries;
    uint32_t delay_ms; /* before the next start */
    int32_t last_wait_status;
    uint64_t window_start_ns;
    uint64_t since_ns;            /* in this state */
    uint64_t timer_ns;            /* when its timer was last set to end */
    uint32_t stored_count;        /* of the store; in the order of their coming */
    int stored_fds[INIT_FDS_MAX]; /* owned */
    char stored_names[INIT_FDS_MAX][INIT_NAME_SIZE];
    const char *const *arguments; /* borrowed; NULL: in row.strings */
    struct init_service row;      /* last: its strings are the bulk of it */
};

/* Makes a zeroed SERVICE one that waits to be started; the row is the caller's. */
void service_reset(struct service *service);

/*
 * service_reset on services[INDEX], which takes ROW; the earlier ones are loaded. NULL, or what is
 * wrong with ROW, as the end of a sentence that begins with its name.
 */
const char *service_load(struct service *services, uint32_t index, const struct init_service *row);

/* The bytes of ROW that say something. */
size_t service_row_size(const struct init_service *row);

/* True when ROW, of which nothing is known, has a name that can be shown. */
bool service_has_name(const struct init_service *row);

/*
 * Writes argv, a NULL, the environment, the strings of the NULL-terminated list EXTRA and a NULL to
 * POINTERS, which has room for INIT_STRINGS_SIZE + 8. Where the environment begins (borrowed).
 */
const char *const *service_unpack(const struct service *service, const char *const *extra,
                                  const char **pointers);

/* The number of what is stored under NAME; stored_count when there is none. */
uint32_t service_find_stored(const struct service *service, const char *name);

/* True for one to INIT_NAME_SIZE - 1 letters, digits, '.', '_', '-' in the INIT_NAME_SIZE bytes of
 * NAME. */
bool service_is_name(const char *name);

/* True while there is a process: in STARTING, READY or STOPPING. */
bool service_has_process(const struct service *service);

/*
 * What a waiting service should do, given its dependencies: SERVICE_START, SERVICE_FAIL when one of
 * them is down for good, or SERVICE_EVENT_COUNT to go on waiting.
 */
enum service_event service_judge_start(const struct service *services, uint32_t index);

/* True when nothing that depends on service INDEX has a process. */
bool service_may_stop(const struct service *services, uint32_t count, uint32_t index);

/*
 * What the end of a service with WAIT_STATUS means: SERVICE_END, SERVICE_RETRY (delay_ms is set) or
 * SERVICE_FAIL. IS_STOPPING: the session is.
 */
enum service_event service_judge_end(struct service *service, int wait_status, uint64_t now_ns,
                                     bool is_stopping);

#endif
