/*
 * Audit events: one table of names and fields; records as JSON Lines in a per-session file, each carrying the
 * SHA-256 of the exact bytes of the line before it. Schema: policies/schema/audit.json.
 */
#ifndef WIRE_AUDIT_H
#define WIRE_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

#define AUDIT_VERSION 1
#define AUDIT_DIGEST_SIZE 65

enum audit_event {
    AUDIT_SESSION_START, /* launcher: agent, name, branch, image, argv_sha256, manifest_sha256 */
    AUDIT_SESSION_CONFIG, /* launcher: digests of itself and of the runtime assets (policies, image) */
    AUDIT_SESSION_END,    /* keeper: exit_code, cause */
    AUDIT_BOOT_STEP,      /* boot: step, duration_us, outcome (up, skipped, refused), detail */
    AUDIT_BOOT_REPORT,    /* boot: duration_us, weaker (list of fallbacks in force) */
    AUDIT_BOOT_REFUSED,   /* boot: step, message, exit_code */
    AUDIT_SHUTDOWN_STEP,  /* boot: step, duration_us, outcome, detail */
    AUDIT_SERVICE,        /* PID 1: kind, service, value */
    AUDIT_WORK_COMMITTED, /* boot: commit, branch, files, withheld (credential-like files left out) */
    AUDIT_WORK_PUSHED,    /* boot: branch, commit */
    AUDIT_WORK_COLLECTED, /* collect: branch, commit, repository */
    AUDIT_OVERRIDE_USED,  /* any: what */
    AUDIT_RUNTIME_BLOCKED, /* launcher: runtime, why (Podman, remote engine, too old) */
    AUDIT_INTEGRITY_CHECK, /* launcher: subject, expected, found, outcome */
    AUDIT_ENV_DETECT,      /* launcher: kernel, engine, runc, apparmor, cgroup */
    AUDIT_LIMIT_HIT,       /* keeper: what, count */
    AUDIT_AUDIT_CLOSED,    /* keeper: last record of the chain */
    AUDIT_EVENT_COUNT
};

/* The event's name in records ("boot-step"). Borrowed. */
const char *audit_event_name(enum audit_event event);
/* The event for NAME, or AUDIT_EVENT_COUNT. */
enum audit_event audit_event_from_name(const char *name);
/* Checks FIELDS (borrowed) against the event's field list: missing, unknown or ill-typed ones are named. */
int audit_event_check(enum audit_event event, const json_t *fields, struct error *err);

/* Who said it, as verified by the writer, never as declared. */
struct audit_source {
    const char *program; /* "launcher", "keeper", "boot", "init", "collect" */
    uid_t uid;
    pid_t pid;
};

struct audit_log; /* an open events.jsonl, exclusively locked, its chain head known */

/*
 * Opens or creates the chained log at PATH for SESSION and locks it. A log that exists is verified first and
 * appended to. FORWARD_PATH (or NULL) is security-events.log: it receives a copy of each whole line under
 * flock(2), unchained. *LOG owned by the caller. 0 or -errno.
 */
int audit_log_open(const char *path, const char *session, const char *forward_path,
                   struct audit_log **log, struct error *err);
/* Appends one record and fdatasyncs it. FIELDS is borrowed. 0 or -errno. */
int audit_log_append(struct audit_log *log, enum audit_event event, const struct audit_source *source,
                     const json_t *fields, struct error *err);
void audit_log_close(struct audit_log *log);

/* Verifies the chain of the file at PATH: *COUNT records. -EBADMSG names the line that breaks it. */
int audit_log_verify(const char *path, uint64_t *count, struct error *err);

/* Appends a line without session chain to security-events.log at PATH, under flock: events before a session. */
int audit_forward(const char *path, enum audit_event event, const struct audit_source *source,
                  const json_t *fields, struct error *err);

#endif
