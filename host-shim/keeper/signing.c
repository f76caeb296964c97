/* The keeper's end of the signer, the process that signs what the session commits. */
#include <errno.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/host/session_manifest.h"

#define READY_MS 30000

static const enum audit_event signers_events[] = {AUDIT_COMMIT_SIGNED, AUDIT_SIGNING_REFUSED,
                                                  AUDIT_LIMIT_HIT};

/* Work that is not signed is still work. */
static void lose(struct keeper *keeper)
{
    log_note("the signer of the session is gone: what is committed from here on is not signed");
    log_own(keeper, AUDIT_SIGNER_LOST,
            json_pack("{s:s}", "cause", "the signer ended before the session"));
}

static const struct attendant_kind signer_kind = {
    .name = "signer",
    .program = "coding-agents-signer",
    .ready_ms = READY_MS,
    .relays = ATTENDANT_RELAYS_NEAR,
    .service = RELAY_SIGNER,
    .events = signers_events,
    .event_count = ARRAY_LENGTH(signers_events),
    .lose = lose,
};

/* 1 when the session signs, 0, or -errno. */
static int is_wanted(const struct keeper *keeper, struct error *err)
{
    struct manifest *manifest = NULL;
    int result = session_manifest_load(keeper->session, &manifest, err);
    if (result == -ENOENT)
        return 0;
    if (result < 0 || manifest == NULL)
        return result;
    result = manifest->signing != MANIFEST_SIGNING_NONE;
    manifest_free(manifest);
    return result;
}

int signing_start(struct keeper *keeper, struct error *err)
{
    static const char *const arguments[] = {NULL};
    int result = is_wanted(keeper, err);
    if (result <= 0)
        return result;
    return attendant_start(keeper, &keeper->signer, &signer_kind, arguments, err);
}

void signing_end(struct keeper *keeper)
{
    attendant_end(&keeper->signer);
}
