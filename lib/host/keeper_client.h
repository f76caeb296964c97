/* The launcher's end of a session's keeper: starts it, records through it, waits for its word. */
#ifndef HOST_KEEPER_CLIENT_H
#define HOST_KEEPER_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "lib/host/agent_start.h"
#include "lib/host/engine.h"
#include "lib/host/image.h"
#include "lib/host/repository_config.h"

struct keeper_client {
    const char *session;          /* borrowed */
    const char *socket_directory; /* borrowed */
    int signals;                  /* borrowed; a signalfd of signals_hold, or -1 */
    bool is_without_data;         /* nothing of the agent's goes in or out */
    bool has_sidecar;             /* the container's connections come through one */
    int control;                  /* owned; the control socket, -1 without a keeper */
    bool has_login;               /* its broker holds a login for the agent */
};

/* What goes on record before anything is started. All borrowed. */
struct keeper_start {
    const struct engine_facts *engine;
    const struct image *image;
    const struct string_list *argv; /* of `docker run` */
    const char *agent;
    const char *name;   /* of the session */
    const char *branch; /* in the session */
    const char *manifest_sha256;
    const struct repository_config *config; /* what the repository has to configure the agent */
    const struct agent_start *agent_start;  /* what to say when the agent, a vendor's, fails */
    bool has_screen;                        /* it runs in a terminal */
    const struct string_list *overrides;    /* options that weaken what a session is by default */
};

/* Starts the keeper; CONTAINER_ROOT is the host uid that root of the container is. It takes as long
 * as the command that a login comes from, at most 130 s, or until one of the signals comes. 0 or
 * -errno; nothing of it goes on then. */
int keeper_client_start(struct keeper_client *client, uid_t container_root, struct error *err);

/* Records what is about to be started, on disk before it is. 0 or -errno. */
int keeper_client_record(const struct keeper_client *client, const struct keeper_start *start,
                         struct error *err);

/* Tells the keeper that the container comes. 0 or -errno. */
int keeper_client_say_started(const struct keeper_client *client, struct error *err);

/*
 * What asks in the session is said on stderr, in a line each, by a process of its own that ends
 * with the keeper or with the calling one. Best effort: coding-agents approvals shows it in any
 * case.
 */
void keeper_client_watch_asks(const struct keeper_client *client);

/* Tells it that none comes, and waits for its end. */
void keeper_client_abandon(struct keeper_client *client);

/* Waits until the keeper has recorded the end of the session and put its things away. */
void keeper_client_await_end(struct keeper_client *client);

#endif
