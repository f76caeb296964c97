/* Opens what the keeper needs before it may say that it is ready: its log first, then its socket.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/wait_limit.h"
#include "lib/wire/session.h"

static int open_log(struct keeper *keeper, struct error *err)
{
    char root[PATH_MAX];
    char path[PATH_MAX];
    char forward[PATH_MAX];
    int result = session_state_root(root, err);
    if (result < 0)
        return result;
    if (path_format(path, "%s/events.jsonl", keeper->state_directory) < 0 ||
        path_format(forward, "%s/security-events.log", root) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory");
    const struct audit_source source = {.program = "keeper", .uid = getuid(), .pid = getpid()};
    result = audit_log_open(path, keeper->session, forward, &keeper->log, err);
    return result < 0 ? result : audit_log_note_tear(keeper->log, &source, err);
}

static int start_attendants(struct keeper *keeper, struct error *err)
{
    int (*const starts[])(struct keeper *, struct error *) = {
        sidecar_prepare, secrets_start, signing_start, git_start, sidecar_start,
    };
    int result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(starts); i++)
        result = starts[i](keeper, err);
    return result;
}

int keeper_open(struct keeper *keeper, struct error *err)
{
    keeper->listener = -1;
    keeper->helper.fd = keeper->freezer.fd = -1;
    keeper->secrets.broker = keeper->signer = keeper->git = keeper->sidecar = ATTENDANT_NONE;
    keeper->root_relay = -1;
    for (size_t i = 0; i < RELAY_SERVICE_COUNT; i++)
        keeper->relays[i] = (struct keeper_relay){.near = -1, .far = -1};
    keeper->data = (struct data){.output = -1, .import = -1, .spool = -1};
    keeper->ending.exit_code = -1;
    snprintf(keeper->container, sizeof(keeper->container), "coding-agents-%s", keeper->session);
    admission_open(&keeper->admission, clock_monotonic_ns());
    int result = session_runtime_directory(keeper->session, keeper->runtime_directory, err);
    if (result == 0)
        result = open_log(keeper, err);
    if (result == 0)
        result = closing_make_key(keeper, err);
    if (result < 0)
        return result;
    result = event_loop_open(&keeper->loop, keeper->sources, KEEPER_SOURCES, keeper->timers,
                             KEEPER_TIMER_COUNT);
    if (result == 0)
        result = wait_limit_open(false);
    if (result < 0)
        return error_set(err, -result, "make the event loop");
    result = data_start(keeper, err);
    if (result == 0)
        result = peers_listen(keeper, err);
    if (result < 0)
        return result;
    result = control_watch(keeper);
    if (result < 0)
        return error_set(err, -result, "watch the launcher");
    return start_attendants(keeper, err);
}

void keeper_close(struct keeper *keeper)
{
    helper_stop(&keeper->helper);
    helper_stop(&keeper->freezer);
    data_end(keeper);
    git_end(keeper);
    secrets_end(keeper);
    signing_end(keeper);
    sidecar_end(keeper);
    peers_close_all(keeper);
    asks_free(&keeper->asks);
    cleanup_close(&keeper->listener);
    cleanup_close(&keeper->root_relay);
    audit_log_close(keeper->log);
    audit_key_free(keeper->key);
    cleanup_close(&keeper->control_fd);
}
