/*
 * The keeper's end of the sidecar, through which the container's connections come where its engine
 * can mount no socket of the host: the pairs of sockets between it and who serves, and what follows
 * when it ends.
 */
#include <errno.h>
#include <sys/socket.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/string_list.h"
#include "lib/wire/session.h"

/* The engine starts a container meanwhile. */
#define READY_MS 90000

static const struct attendant_kind sidecar_kind = {
    .name = "sidecar",
    .program = "coding-agents-sidecar",
    .ready_ms = READY_MS,
    .relays = ATTENDANT_RELAYS_FAR,
    .lose = secrets_lose_sidecar,
};

int sidecar_prepare(struct keeper *keeper, struct error *err)
{
    for (size_t i = 0; keeper->has_sidecar && i < RELAY_SERVICE_COUNT; i++) {
        struct keeper_relay *relay = &keeper->relays[i];
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
            return error_set(err, errno, "make a socket to the sidecar");
        relay->near = ends[0];
        relay->far = ends[1];
    }
    return 0;
}

static void close_ends(struct keeper *keeper)
{
    for (size_t i = 0; i < RELAY_SERVICE_COUNT; i++) {
        cleanup_close(&keeper->relays[i].near);
        cleanup_close(&keeper->relays[i].far);
    }
}

/* Who has started by now is served; the far ends of the others go, so that the sidecar has those
 * that are left. */
static void list_served(struct keeper *keeper, struct string_list *list)
{
    const bool served[RELAY_SERVICE_COUNT] = {
        [RELAY_ROOT] = true,
        [RELAY_BROKER] = keeper->secrets.broker.pid > 0,
        [RELAY_SIGNER] = keeper->signer.pid > 0,
        [RELAY_GIT] = keeper->git.pid > 0,
    };
    for (size_t i = 0; i < RELAY_SERVICE_COUNT; i++) {
        if (!served[i]) {
            cleanup_close(&keeper->relays[i].far);
            continue;
        }
        string_list_add(list, "--serve");
        string_list_add(list, relay_services[i].name);
    }
}

static int start(struct keeper *keeper, const char *image, struct error *err)
{
    cleanup_string_list struct string_list arguments = {.items = NULL};
    string_list_add(&arguments, "--image");
    string_list_add(&arguments, image);
    list_served(keeper, &arguments);
    if (arguments.has_failed)
        return error_set(err, ENOMEM, "start the sidecar");
    return attendant_start(keeper, &keeper->sidecar, &sidecar_kind,
                           (const char *const *)arguments.items, err);
}

int sidecar_start(struct keeper *keeper, struct error *err)
{
    struct session_state *state = NULL;
    if (!keeper->has_sidecar)
        return 0;
    int result = peers_watch_relay(keeper, steal_fd(&keeper->relays[RELAY_ROOT].near), err);
    if (result == 0)
        result = session_state_load(keeper->session, &state, err);
    if (result == 0)
        result = start(keeper, state->image, err);
    session_state_free(state);
    close_ends(keeper);
    return result;
}

void sidecar_end(struct keeper *keeper)
{
    attendant_end(&keeper->sidecar);
    close_ends(keeper);
}
