/* coding-agents-sidecar: takes one session's connections out of a container beside it.
 * coding-agents-sidecar(8) */
#include <argp.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/sidecar/sidecar.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/host/keeper_tell.h"
#include "lib/host/landlock.h"

/* policies/seccomp/relay.json */
#define FILTER "seccomp/" RELAY_FILTER

/* clang-format off */
static const struct argp_option options[] = {
    {"image", 'i', "IMAGE",   0, "The image the session runs", 0},
    {"serve", 'v', "SERVICE", 0, "Take connections for root, broker, signer or git: whom --relay-fd of the same place leads to", 0},
    {"check", 'c', NULL,      0, "Try whether a sidecar of IMAGE can be started here, say so, and end", 0},
    {0},
};
/* clang-format on */

static void check_together(const struct sidecar *sidecar, struct argp_state *state)
{
    if (sidecar->image == NULL || sidecar->serve_count == 0)
        argp_error(state, "--image and --serve are needed");
    if (!sidecar->is_check && (!keeper_child_is_told(&sidecar->child) ||
                               sidecar->child.relay_count != sidecar->serve_count))
        argp_error(state, "--session, --keeper-fd and as many --relay-fd as --serve are needed");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct sidecar *sidecar = state->input;
    unsigned int service;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &sidecar->child;
        return 0;
    case 'i':
        sidecar->image = argument;
        return 0;
    case 'v':
        service = relay_service_find(argument);
        if (service == RELAY_SERVICE_COUNT || sidecar->serve_count == KEEPER_CHILD_RELAYS)
            argp_error(state, "'%s' is no service, or one too many", argument);
        sidecar->serves[sidecar->serve_count++] = service;
        return 0;
    case 'c':
        sidecar->is_check = true;
        return 0;
    case ARGP_KEY_END:
        check_together(sidecar, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The engine's client is the last program it starts. */
static int prepare(struct sidecar *sidecar, struct error *err)
{
    int result = sidecar->is_check ? 0 : keeper_child_settle(&sidecar->child, err);
    if (result == 0)
        result = serve_start(sidecar, err);
    if (result == 0)
        result = landlock_confine_to_processes(FILTER, "the sidecar", err);
    return result < 0 ? result : serve_await_ready(sidecar, err);
}

/* For coding-agents doctor. */
static int check(struct sidecar *sidecar)
{
    struct error err = ERROR_INITIALIZER;
    int result = prepare(sidecar, &err);
    if (result < 0)
        diagnostic_print("coding-agents-sidecar: %s\n", error_text(&err));
    serve_end(sidecar);
    return result < 0 ? EXIT_AUDIT : 0;
}

int main(int argc, char **argv)
{
    static struct sidecar sidecar = {
        .child.keeper = -1, .client_pidfd = -1, .words = -1, .input = -1, .output = -1};
    static const struct argp_child children[] = {{&keeper_child_argp, 0, NULL, 0}, {0}};
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .children = children,
        .doc = "Takes the connections of one session's container where no socket of this machine "
               "can be mounted. Started by coding-agents-keeper.",
    };
    struct error err = ERROR_INITIALIZER;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &sidecar);
    if (sidecar.is_check)
        return check(&sidecar);
    int result = prepare(&sidecar, &err);
    keeper_tell_outcome(sidecar.child.keeper, result, &err);
    if (result == 0) {
        result = serve_run(&sidecar, &err);
        if (result < 0)
            diagnostic_print("coding-agents-sidecar: %s\n", error_text(&err));
    }
    serve_end(&sidecar);
    return result < 0 ? EXIT_AUDIT : 0;
}
