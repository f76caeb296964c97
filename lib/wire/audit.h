/*
 * Audit events: one table of names and fields; records as JSON Lines in a per-session file. Each
 * line carries "previous", the SHA-256 of the exact bytes of the line before it (64 zeros in the
 * first), and "digest", the SHA-256 of its own bytes with the digest's hex replaced by zeros, so
 * that the last line is covered as well. Schema: policies/schema/audit.json.
 */
#ifndef WIRE_AUDIT_H
#define WIRE_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/wire/audit_key.h"

#define AUDIT_VERSION 1
#define AUDIT_DIGEST_SIZE 65

/*
 * Who sends it, and its fields. Texts unless said otherwise: (n) a number from 0, (i) any integer,
 * (b) true or false, (d) SHA-256 in hex, (k) a public key and (s) a signature in hex, (l) a list of
 * texts, (o) an object whose values are texts, (t) RFC 3339 UTC, (v) a verdict and (r) a tier by
 * the names of exec_record.h. '?' marks what may be left out. Text that is not UTF-8 goes under
 * "KEY_base64" (record_set_text of lib/wire/record.h).
 */
enum audit_event {
    AUDIT_SESSION_START,  /* launcher: agent, name, branch, image, argv_sha256 (d), manifest_sha256
                             (d) */
    AUDIT_SESSION_CONFIG, /* launcher: launcher_version, launcher_sha256 (d), image, assets (o:
                             name, digest), repository_config? (none untrusted changed trusted),
                             repository_config_sha256? (d) */
    AUDIT_SESSION_END, /* keeper: exit_code (i, -1 when unknown), cause ("" for the agent's own end)
                        */
    AUDIT_BOOT_STEP,   /* boot: step, duration_us (n), outcome (up skipped refused down failed),
                          detail? */
    AUDIT_BOOT_REPORT, /* boot: duration_us (n), weaker (l: fallbacks in force) */
    AUDIT_BOOT_REFUSED,  /* boot: step, message, exit_code (i) */
    AUDIT_SHUTDOWN_STEP, /* boot: as boot-step, and deadline_us (n) */
    AUDIT_SERVICE, /* keeper, from PID 1's own events: kind, service, value (n), init_sequence (n),
                      init_monotonic_ns (n) */
    AUDIT_WORK_COMMITTED,  /* boot: commit, branch, files (n), withheld (l: paths
                              left out), unsigned? (why, where it was to be signed) */
    AUDIT_WORK_PUSHED,     /* boot: branch, commit */
    AUDIT_WORK_LEFT,       /* boot, collect: withheld (l: paths), unreached (l: refs with
                              commits that are not on the branch); both stay in the volume */
    AUDIT_WORK_COLLECTED,  /* collect: branch, commit, repository */
    AUDIT_OVERRIDE_USED,   /* launcher, collect: what */
    AUDIT_RUNTIME_BLOCKED, /* launcher: runtime, why (Podman, remote engine, too old) */
    AUDIT_INTEGRITY_CHECK, /* launcher, keeper, collect: subject, expected, found, outcome */
    AUDIT_ENV_DETECT,      /* launcher: kernel, engine, runc, apparmor (b), cgroup */
    AUDIT_EXEC_START,   /* keeper, from the runner's exec events, as all five: id, uid (n), pid (n),
                           program, program_sha256? (d), argv (l), argument_count (n), argv_bytes
                           (n), argv_is_cut (b), argv_sha256? (d), cwd, verdict (v), rule, profile,
                           tier (r), is_observed (b), started (t), started_monotonic_ns (n), reason?
                         */
    AUDIT_EXEC_END,     /* id, exit_code (n: as a shell says it), signal (n: 0 when it exited),
                           duration_us (n) */
    AUDIT_EXEC_NESTED,  /* id, uid (n), pid (n), program, argv (l), argument_count (n), argv_is_cut
                           (b), verdict (v), rule, tier (r), started (t), lost (n), reason? */
    AUDIT_EXEC_REFUSED, /* id, uid (n), pid (n), program, error (n: errno; 0: killed), started (t),
                           reason */
    AUDIT_EXEC_ASK,     /* as exec-start, with the verdict ask, and: seconds (n: an answer is waited
                           for), ask? (n: its number in the session; none when the keeper has no
                           room for it), asks_about? (l: the words inside it that the rule is about;
                           none when it is argv), asks_more? (b) */
    AUDIT_EXEC_ANSWER,  /* keeper: ask (n), id, answer ("allow" or "deny"), scope ("once", "prefix"
                           or  "program"), words? (n: of a prefix), approval? (n: the ask whose
                           answer  is  good for this one too), uid (n: who answered), reason? */
    AUDIT_CAPABILITIES_ISSUED, /* keeper, from the broker, as the next six: stub, secret, token,
                                  uid (n: in the container), secret_sha256 (d), program_sha256 (d),
                                  epoch (n), expires (t), origin (where the secret was found),
                                  server? */
    AUDIT_CAPABILITY_REDEEMED, /* stub, secret, token, uid (n), pid (n): of the peer, on the host */
    AUDIT_CAPABILITY_REFUSED,  /* reason (redeem_reason_name), uid (n), pid (n), detail */
    AUDIT_CAPABILITY_RELEASED, /* stub, secret, token: the holder closed its lease */
    AUDIT_CAPABILITY_REVOKED,  /* stub, secret, leases (n: that ended), why */
    AUDIT_SECRET_REFUSED,      /* secret, message: what was found on the host is malformed */
    AUDIT_SECRET_RENEWED,  /* stub, secret, origin, outcome (redeem_outcome_name), detail: a login
                              that the agent renewed, and what became of it on the host */
    AUDIT_BROKER_LOST,     /* keeper: cause, consequence (stop or continue) */
    AUDIT_COMMIT_SIGNED,   /* keeper, from the signer, as the next: kind ("commit" or "tag"), id (of
                              what is signed), format, key (the fingerprint), uid (n), pid (n) */
    AUDIT_SIGNING_REFUSED, /* reason (signing_reason_name), uid (n), pid (n), detail */
    AUDIT_SIGNER_LOST,     /* keeper: cause; what is committed from there on is not signed */
    AUDIT_SESSION_FROZEN,  /* keeper: cause, container */
    AUDIT_DATA_IMPORTED, /* boot: files (n), bytes (n), manifest_sha256 (d): of earlier sessions */
    AUDIT_DATA_GIVEN,   /* keeper: bytes (n: of the archive), files (n), left_out (n): of the store,
                           which are not in it */
    AUDIT_DATA_MERGED,  /* keeper: bytes (n: of the archive), added (n), replaced (n), extended (n),
                           unchanged (n), left (n): files of the agent's data on the host;
                           left_by? (an earlier session, whose archive it was) */
    AUDIT_DATA_REFUSED, /* keeper, boot: direction ("import" or "export"), message, left_by? */
    AUDIT_GIT_PROXIED,  /* git proxy: remote, service ("": no request of git's), outcome ("served",
                          "refused",  "failed", "elsewhere"), status (i: of the remote),
                          has_credential (b), sent (n),  received (n: bytes), detail? */
    AUDIT_GIT_PUSHED,   /* git proxy: remote, ref, old, new: the remote took it */
    AUDIT_GIT_PUSH_REFUSED, /* git proxy: remote, ref, old, new, reason: the whole push was refused
                               for it */
    AUDIT_GIT_CREDENTIAL_GIVEN,   /* git proxy: url, to ("proxy" or "command"): git on the host gave
                                     it */
    AUDIT_GIT_CREDENTIAL_REFUSED, /* git proxy: url ("": none that is listed), to, detail */
    AUDIT_LIMIT_HIT,              /* keeper: what, count (n), detail? */
    AUDIT_AUDIT_KEY,    /* keeper: algorithm ("ed25519"), public_key (k): what audit-closed is to be
                           signed with */
    AUDIT_AUDIT_CLOSED, /* keeper: records (n: lines before this one), signature? (s: by the last
                           audit-key; none in a log that has no key). The container can say no
                           more; only what collect does on the host may follow */
    AUDIT_EVENT_COUNT
};

/* The event's name in records ("boot-step"). Borrowed. */
const char *audit_event_name(enum audit_event event);
/* The event for NAME, or AUDIT_EVENT_COUNT. */
enum audit_event audit_event_from_name(const char *name);
/* Checks FIELDS (borrowed) against the event's field list: missing, unknown or ill-typed ones are
 * named. */
int audit_event_check(enum audit_event event, const json_t *fields, struct error *err);

/* Who said it, as verified by the writer, never as declared. */
struct audit_source {
    const char *
        program; /* "launcher", "keeper", "boot", "init", "collect", "runner", "broker", "signer" */
    uid_t uid;
    pid_t pid;
};

struct audit_log; /* an open events.jsonl, exclusively locked, its chain head known */

/*
 * Opens or creates the chained log at PATH (0600) for SESSION and locks it, waiting for another
 * writer for a few seconds (-EWOULDBLOCK). A log that exists is verified first and appended to. A
 * last line without its end, which a writer that was killed or a machine that went down leaves, is
 * cut off: audit_log_note_tear.
 * FORWARD_PATH (or NULL) is security-events.log: it receives a copy of each whole line under
 * flock(2), unchained. *LOG owned by the caller. 0 or -errno.
 */
int audit_log_open(const char *path, const char *session, const char *forward_path,
                   struct audit_log **log, struct error *err);
/*
 * Appends one record and fdatasyncs it. FIELDS is borrowed and checked. 0 or -errno; a failed write
 * leaves no part of a line behind. A copy that could not be forwarded is an error although the
 * record stands.
 */
int audit_log_append(struct audit_log *log, enum audit_event event,
                     const struct audit_source *source, const json_t *fields, struct error *err);
/*
 * The same without waiting for the disk: the record is in the file at once, and on the disk and in
 * the forwarded copy after the next audit_log_sync, audit_log_append or audit_log_close.
 */
int audit_log_append_unsynced(struct audit_log *log, enum audit_event event,
                              const struct audit_source *source, const json_t *fields,
                              struct error *err);
/* Brings to the disk what audit_log_append_unsynced left. 0 or -errno. */
int audit_log_sync(struct audit_log *log, struct error *err);
/* Records as SOURCE, once, that a torn line was cut off when the log was opened; else nothing. */
int audit_log_note_tear(struct audit_log *log, const struct audit_source *source,
                        struct error *err);
/*
 * Appends audit-closed, signed with KEY (borrowed), which the log must have as its last audit-key.
 * 0 or -errno.
 */
int audit_log_append_end(struct audit_log *log, const struct audit_source *source,
                         const struct audit_key *key, struct error *err);
/* How many records the log has, and how many bytes were appended since it was opened. */
uint64_t audit_log_count(const struct audit_log *log);
uint64_t audit_log_appended(const struct audit_log *log);
/* Syncs as well; who wants to know how that went calls audit_log_sync before. NULL is fine. */
void audit_log_close(struct audit_log *log);

/* What a log is checked against, line by line. Start with all zeros. */
struct audit_chain {
    uint64_t count;                   /* records so far */
    char session[16];                 /* of the first record */
    char previous[AUDIT_DIGEST_SIZE]; /* SHA-256 of the last line */
    bool is_closed;                   /* audit-closed was seen */
    uint64_t closed_at;               /* its number; 0: not seen */
    bool is_signed;                   /* by key */
    char key[AUDIT_PUBLIC_KEY_SIZE];  /* of the last audit-key; "": none */
};

/* Checks LINE of SIZE bytes, newline included, as the next of CHAIN and goes on. 0, or -EBADMSG
 * with the reason. */
int audit_chain_check(struct audit_chain *chain, const char *line, size_t size, struct error *err);

/* Verifies the file at PATH. *CHAIN tells what was read. -EBADMSG names the line that breaks it. */
int audit_log_verify(const char *path, struct audit_chain *chain, struct error *err);

/* Appends a line without session and chain to security-events.log at PATH, under flock: events
 * before a session. */
int audit_forward(const char *path, enum audit_event event, const struct audit_source *source,
                  const json_t *fields, struct error *err);

#endif
