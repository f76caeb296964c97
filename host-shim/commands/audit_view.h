/* The events of a session's audit log, for people and scripts. */
#ifndef COMMANDS_AUDIT_VIEW_H
#define COMMANDS_AUDIT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/audit.h"

#define AUDIT_VIEW_LINES_MAX 100000

struct audit_view {
    uint64_t events;     /* bits of enum audit_event that are wanted; 0: all */
    const char *sources; /* programs that are wanted, with commas between; NULL: all */
    uint64_t since_ns;   /* CLOCK_REALTIME; 0: from the start */
    size_t last;         /* only so many of the lines that are there; 0: all */
    bool is_json;
    bool is_following; /* goes on while the log is being written */
};

/* Reads NAMES, events with commas between, into *EVENTS. 0, or -EINVAL with the one that is none.
 */
int audit_view_events(const char *names, uint64_t *events, struct error *err);

/*
 * Prints what VIEW wants of the log at PATH. *DAMAGE: what is wrong with the log, number 0 for
 * nothing; lines behind it are shown all the same. 0 or -errno.
 */
int audit_view_print(const struct audit_view *view, const char *path, struct error *damage,
                     struct error *err);

#endif
