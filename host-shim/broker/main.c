/* coding-agents-broker: holds one session's secrets and lets each be redeemed once.
 * coding-agents-broker(8) */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/host/keeper_tell.h"
#include "lib/host/landlock.h"
#include "lib/wire/session.h"

#define WINDOW_SECONDS_MAX 3600
/* policies/seccomp/broker.json */
#define FILTER "seccomp/broker.bpf"

/* clang-format off */
static const struct argp_option options[] = {
    {"agent",              'a', "AGENT",   0, "Whose login it is", 0},
    {"image",              'i', "IMAGE",   0, "The image the session runs", 0},
    {"grant",              'g', "SECRET:STUB[:SERVER[:PINS]]", 0, "Let this stub redeem a secret with a name of its own; repeatable", 0},
    {"window",             'w', "SECONDS", 0, "How long after the hello secrets can be redeemed (default 60)", 0},
    {"writer-fd",          't', "FD",      0, "Be the writer of the broker at the other end of this socket", 0},
    {"check",              'c', NULL,      0, "Try whether a broker can be confined here, say so, and end", 0},
    {0},
};
/* clang-format on */

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct broker *broker = state->input;
    struct error err = ERROR_INITIALIZER;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &broker->child;
        return 0;
    case 'a':
        if (!manifest_is_name(argument) || strlen(argument) >= sizeof(broker->agent))
            argp_error(state, "'%s' is not an agent", argument);
        snprintf(broker->agent, sizeof(broker->agent), "%s", argument);
        return 0;
    case 'i':
        if (strlen(argument) >= sizeof(broker->image))
            argp_error(state, "the image's name is too long");
        snprintf(broker->image, sizeof(broker->image), "%s", argument);
        return 0;
    case 'g':
        if (grant_parse(broker, argument, &err) < 0)
            argp_error(state, "%s", error_text(&err));
        return 0;
    case 'w':
        broker->window_ms =
            (uint32_t)keeper_child_number(argument, WINDOW_SECONDS_MAX, state) * 1000;
        return 0;
    case 't':
        broker->writes_for = (int)keeper_child_number(argument, INT32_MAX, state);
        return 0;
    case 'c':
        broker->is_check = true;
        return 0;
    case ARGP_KEY_END:
        if (broker->is_check || broker->writes_for >= 0)
            return 0;
        if (!keeper_child_is_told(&broker->child) || broker->agent[0] == '\0')
            argp_error(state, "--session, --agent and --keeper-fd are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int settle(struct broker *broker, struct error *err)
{
    int result = keeper_child_settle(&broker->child, err);
    if (result < 0)
        return result;
    if (sodium_init() < 0)
        return error_set(err, EIO, "start libsodium");
    secret_wipe_json();
    result = session_state_directory(broker->child.session, broker->state_directory, err);
    return result < 0
               ? result
               : session_runtime_directory(broker->child.session, broker->runtime_directory, err);
}

static int prepare(struct broker *broker, struct error *err)
{
    int result = settle(broker, err);
    if (result == 0)
        result = confine_memory(err);
    if (result == 0)
        result = issue_all(broker, err);
    if (result == 0) {
        renew_start(broker);
        result = serve_open(broker, err);
    }
    return result < 0 ? result : landlock_confine_to_processes(FILTER, "the broker", err);
}

/* For coding-agents doctor: what makes a broker fail to start on a machine, tried on one that holds
 * nothing. */
static int check(void)
{
    struct error err = ERROR_INITIALIZER;
    cleanup_secret struct secret room = {.data = NULL};
    int result = confine_memory(&err);
    if (result == 0)
        result = secret_make(&room, REDEEM_SECRET_BYTES_MAX, true, &err);
    if (result == 0)
        result = landlock_confine_to_processes(FILTER, "the broker", &err);
    if (result < 0)
        diagnostic_print("coding-agents-broker: %s\n", error_text(&err));
    return result < 0 ? EXIT_AUDIT : 0;
}

static void wipe(struct broker *broker)
{
    renew_finish(broker);
    /* What is lost with a sidecar is as with a broker: there is nobody to tell. */
    if (!keeper_child_is_cut_off(&broker->child))
        (void)answer_revoke(broker, NULL, "the session ended");
    serve_close_all(broker);
    for (size_t i = 0; i < broker->issue_count; i++)
        secret_wipe(&broker->issues[i].value);
    secret_wipe(&broker->keys_memory);
}

int main(int argc, char **argv)
{
    static struct broker broker = {.child.keeper = -1,
                                   .journal = -1,
                                   .writes_for = -1,
                                   .writer = -1,
                                   .listener = -1,
                                   .host_listener = -1,
                                   .window_ms = BROKER_WINDOW_MS};
    static const struct argp_child children[] = {{&keeper_child_argp, 0, NULL, 0}, {0}};
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .children = children,
        .doc = "Holds the secrets of one session. Started by coding-agents-keeper.",
    };
    struct error err = ERROR_INITIALIZER;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &broker);
    if (broker.is_check)
        return check();
    if (broker.writes_for >= 0)
        return writer_run(broker.writes_for);
    int result = prepare(&broker, &err);
    keeper_tell_outcome(broker.child.keeper, result, &err);
    while (result == 0 && !broker.is_over)
        result = event_loop_run_once(&broker.loop, -1);
    wipe(&broker);
    return result == 0 || result == -ENOENT ? 0 : EXIT_AUDIT;
}
