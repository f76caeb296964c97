/* The keeper's end of the git proxy, which takes the session's git to its https remotes. */
#include <errno.h>
#include <stdio.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"

/* It asks git for two words of each remote. */
#define READY_MS 60000

static const enum audit_event proxys_events[] = {
    AUDIT_GIT_PROXIED,
    AUDIT_GIT_PUSHED,
    AUDIT_GIT_PUSH_REFUSED,
    AUDIT_GIT_CREDENTIAL_GIVEN,
    AUDIT_GIT_CREDENTIAL_REFUSED,
    AUDIT_LIMIT_HIT,
};

/* Nothing of the session depends on it: a push that finds nobody fails, and says so. */
static void lose(struct keeper *keeper)
{
    (void)keeper;
    log_note("the git proxy of the session has ended; its https remotes are out of reach");
}

static const struct attendant_kind proxy_kind = {
    .name = "git-proxy",
    .program = "coding-agents-git-proxy",
    .ready_ms = READY_MS,
    .relays = ATTENDANT_RELAYS_NEAR,
    .service = RELAY_GIT,
    .events = proxys_events,
    .event_count = ARRAY_LENGTH(proxys_events),
    .lose = lose,
};

int git_start(struct keeper *keeper, struct error *err)
{
    static const char *const arguments[] = {NULL};
    int result = attendant_start(keeper, &keeper->git, &proxy_kind, arguments, err);
    return result == -ENOENT ? 0 : result;
}

void git_end(struct keeper *keeper)
{
    attendant_end(&keeper->git);
}
