/*
 * coding-agents-sidecar: a session's connections where its engine can mount no socket of the host.
 * It starts the second container of the session, in which agent-broker-relay listens, and hands
 * each connection that is taken there to the process of the host that serves it. It holds no
 * secret, and looks at nothing of what it hands on. docs/secrets.md is the manual.
 */
#ifndef SIDECAR_SIDECAR_H
#define SIDECAR_SIDECAR_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/mux.h"
#include "lib/base/string_list.h"
#include "lib/host/keeper_child.h"
#include "lib/wire/relay.h"

struct sidecar {
    struct keeper_child child;                /* its relays are of the services, in their order */
    const char *image;                        /* borrowed */
    unsigned int serves[KEEPER_CHILD_RELAYS]; /* enum relay_service */
    size_t serve_count;
    bool is_check;

    int relays[RELAY_SERVICE_COUNT]; /* borrowed from child; -1: not served */
    struct mux_service services[MUX_SERVICES];
    pid_t client; /* the engine's, which holds the streams */
    int client_pidfd;
    int words; /* owned; a file with what it wrote to its standard error */
    int input; /* owned; from the relay */
    int output;
    bool is_over; /* the keeper says so */
    struct mux mux;
};

/* plan.c: the argv of `docker run`, added to LIST. 0 or -errno. */
int plan_arguments(const struct sidecar *sidecar, bool has_apparmor, struct string_list *list,
                   struct error *err);

/* serve.c */
/* Starts the second container. 0 or -errno. */
int serve_start(struct sidecar *sidecar, struct error *err);
/* Waits until it listens. 0 or -errno. */
int serve_await_ready(struct sidecar *sidecar, struct error *err);
/* Hands connections on until the keeper or the container ends. 0: the keeper; -errno. */
int serve_run(struct sidecar *sidecar, struct error *err);
/* Ends what serve_start started; services first. */
void serve_end(struct sidecar *sidecar);

#endif
