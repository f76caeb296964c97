/* Sessions as users see them: what is recorded, corrected by what the engine says. */
#ifndef COMMANDS_SESSION_VIEW_H
#define COMMANDS_SESSION_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/wire/session.h"

struct session_view {
    struct session_state
        *state;   /* owned; for a session whose record was lost, made from the engine's labels */
    bool is_lost; /* only the engine knows it */
    bool is_engine_known; /* its engine could be asked */
    bool has_container;
    bool is_running;
    bool is_frozen; /* it runs, and the engine has paused it */
    bool ran_again; /* the container was started after the end that is recorded */
    bool was_oom_killed;
    const char
        *phase; /* borrowed, static: "running", "frozen", "ended", "collected", "planned", "lost" */
    int exit_code;             /* -1 while unknown */
    bool has_uncollected_work; /* it ended, and nobody fetched what it left */
    int approvals_waiting;     /* commands that wait for an answer; -1: its keeper did not say */
};

struct session_views {
    struct session_view *items; /* newest first; lost ones last */
    size_t count;
    char engine_error[512]; /* why the engine could not be asked; "" when it could */
};

/*
 * All sessions of the calling user. An engine that does not answer is no error: views then show
 * what is recorded, as they do of sessions on other engines than the one in force. *VIEWS is owned
 * (session_views_free). 0 or -errno.
 */
int session_views_read(struct session_views *views, struct error *err);
void session_views_free(struct session_views *views);

/* The view of one session. On success takes STATE; VIEW is released by session_view_free. 0 or
 * -errno. */
int session_view_read(struct session_state *state, struct session_view *view, struct error *err);
void session_view_free(struct session_view *view);

/* What is known of VIEW, for scripts. Owned by the caller; NULL when memory is short. */
json_t *session_view_json(const struct session_view *view);

/* "5 minutes" since the RFC 3339 time TIMESTAMP, "" when it is none. */
void session_view_age(const char *timestamp, char text[32]);

#endif
