/* Sessions on the host: where their files lie and what is known of each. Formats with schemas in
 * policies/schema. */
#ifndef WIRE_SESSION_H
#define WIRE_SESSION_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/audit_key.h"
#include "lib/wire/manifest.h"

#define SESSION_STATE_VERSION 1

enum session_phase {
    SESSION_PLANNED,   /* directories exist, nothing runs */
    SESSION_RUNNING,   /* the container was asked for */
    SESSION_ENDED,     /* the container ended; its work is in the volume */
    SESSION_COLLECTED, /* the branch in the user's repository has the work */
};

/* $STATE/sessions/ID/state.json. Strings are owned by the structure; "" when unknown. */
struct session_state {
    char session[MANIFEST_SESSION_SIZE];
    enum session_phase phase;
    char *agent;
    char *name;
    char *repository;  /* absolute path on the host */
    char *branch;      /* inside the container and in the bare repository */
    char *host_branch; /* in the user's repository */
    char *base_commit;
    char *image;
    char *container;      /* name: "coding-agents-ID" */
    char *volume;         /* name: "coding-agents-ID" */
    char *network;        /* name, or "none" */
    char *engine_context; /* DOCKER_HOST that leads to its engine; "" for the one in force */
    char *engine_id;      /* what that engine calls itself */
    bool is_interactive;
    bool is_persistent;
    bool push_enabled;
    char *created_at; /* RFC 3339 */
    char *ended_at;
    int exit_code; /* -1 while unknown */
    char *cause;   /* one sentence when the end was not the agent's own, or a vendor's failed */
    char *collected_commit;
    /* What the keeper signs the end of the audit log with; "" before there was one. */
    char audit_key[AUDIT_PUBLIC_KEY_SIZE];
};

/*
 * Directories, made when missing: STATE 0700 ($XDG_STATE_HOME or ~/.local/state)/coding-agents;
 * RUNTIME 0700 $XDG_RUNTIME_DIR/coding-agents, without it /dev/shm/coding-agents-UID (refused when
 * owned by somebody else). 0 or -errno.
 */
int session_state_root(char path[PATH_MAX], struct error *err);
int session_runtime_root(char path[PATH_MAX], struct error *err);

/* STATE/sessions/ID and RUNTIME/ID, not made. 0 or -errno. */
int session_state_directory(const char *session, char path[PATH_MAX], struct error *err);
int session_runtime_directory(const char *session, char path[PATH_MAX], struct error *err);

/* A fresh id from getrandom(2) that no directory in STATE/sessions has; the directory is made
 * (0700). */
int session_reserve(char session[MANIFEST_SESSION_SIZE], struct error *err);

int session_state_load(const char *session, struct session_state **state, struct error *err);
/* Replaces state.json atomically, under a lock that session_state_update also takes. */
int session_state_save(const struct session_state *state, struct error *err);
/* Loads, calls CHANGE, saves, all under the lock. */
int session_state_update(const char *session,
                         void (*change)(struct session_state *state, void *context), void *context,
                         struct error *err);
void session_state_free(struct session_state *state);

/* Every session with a readable state, newest first. *STATES is owned: free each, then the array.
 */
int session_state_list(struct session_state ***states, size_t *count, struct error *err);

/* The one session that TEXT (id, or name when unique among existing sessions) means. -ENOENT,
 * -EEXIST when ambiguous. */
int session_find(const char *text, struct session_state **state, struct error *err);

const char *session_phase_name(enum session_phase phase);

#endif
