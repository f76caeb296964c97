/* One collection: what was asked, what came of it, and how it is told. */
#ifndef COLLECT_COLLECTION_H
#define COLLECT_COLLECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "host-shim/collect/auto_exec.h"
#include "host-shim/collect/changes.h"
#include "host-shim/collect/fetch.h"
#include "lib/base/error.h"
#include "lib/host/git.h"
#include "lib/wire/audit.h"
#include "lib/wire/session.h"

/* Commits whose subject lines are shown; the rest is counted. */
#define COLLECTION_SUBJECTS_MAX 20

struct collection_options {
    const char *session; /* id or name */
    const char *as;      /* another host branch; NULL: the session's */
    bool is_json;
    bool is_recovery_forced;
    uint64_t limit;
};

struct collection {
    struct session_state *state; /* owned */
    const char *host_branch;     /* borrowed */
    struct git_identity identity;
    bool is_running;
    bool has_recovered;       /* the shutdown's commit and push were made up for */
    char recovery_error[512]; /* printable; "" when there was none */
    struct fetch_answer answer;
    unsigned long long commit_count;
    char **subjects; /* owned, "ID subject" as bytes; at most COLLECTION_SUBJECTS_MAX */
    size_t subject_count;
    struct changes changes;
    struct findings findings;
    struct auto_exec_table table;
};

void collection_release(struct collection *collection);

/*
 * Makes up for a shutdown that did not happen, unless the last run's work is known to be saved:
 * COLLECTION gets has_recovered or recovery_error. STARTED_NS: when the last run was started
 * (CLOCK_REALTIME), 0 when not known. IS_FORCED: in any case. Shows its progress on stderr. 0, or
 * the signal that ended it.
 */
int recovery_run(struct collection *collection, uint64_t started_ns, bool is_forced);

/*
 * Commits, changed files and auto-exec findings between the session's base and the collected tip,
 * from objects that are in the user's repository by now. 0 or -errno.
 */
int collection_examine(struct collection *collection, struct error *err);

/* Writes EVENT with FIELDS (borrowed) into the session's log, through the keeper when it lives. 0
 * or -errno. */
int collection_record_event(const struct collection *collection, enum audit_event event,
                            const json_t *fields, struct error *err);

/* Writes the audit record (through the keeper when it lives) and the session's state. 0 or -errno.
 */
int collection_record(struct collection *collection, struct error *err);

/* Prints the collection to stdout, for people or as JSON. */
void collection_print(const struct collection *collection);
int collection_print_json(const struct collection *collection);

#endif
