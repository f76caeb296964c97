/* Closes the log so that nobody can write another one in its place: makes the key that its end is
 * signed with, and records its public half where a log's forger does not reach. */
#include <string.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/wire/session.h"

static struct audit_source own_source(void)
{
    return (struct audit_source){.program = "keeper", .uid = getuid(), .pid = getpid()};
}

static void note_key(struct session_state *state, void *context)
{
    const struct audit_key *key = context;
    memcpy(state->audit_key, audit_key_public(key), sizeof(state->audit_key));
}

int closing_make_key(struct keeper *keeper, struct error *err)
{
    const struct audit_source source = own_source();
    int result = audit_key_make(&keeper->key, err);
    if (result < 0)
        return result;
    result = session_state_update(keeper->session, note_key, keeper->key, err);
    if (result < 0)
        return result;
    json_t *fields = json_pack("{s:s, s:s}", "algorithm", "ed25519", "public_key",
                               audit_key_public(keeper->key));
    result = audit_log_append(keeper->log, AUDIT_AUDIT_KEY, &source, fields, err);
    json_decref(fields);
    return result;
}

void closing_sign(struct keeper *keeper)
{
    const struct audit_source source = own_source();
    struct error err = ERROR_INITIALIZER;
    if (audit_log_append_end(keeper->log, &source, keeper->key, &err) < 0)
        log_note("close the audit log: %s", error_text(&err));
}
