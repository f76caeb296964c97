/* Records the commands of a session, as the task runner tells them. */
#include <string.h>

#include "host-shim/keeper/keeper.h"
#include "lib/wire/exec_record.h"

/* Takes FIELDS. */
static void record(struct keeper *keeper, enum audit_event event, const struct audit_source *source,
                   json_t *fields)
{
    uint64_t before = audit_log_appended(keeper->log);
    log_record_soon(keeper, event, source, fields);
    admission_spend_exec(&keeper->admission, audit_log_appended(keeper->log) - before);
}

int exec_event_record(struct peer *peer, const struct audit_source *source, const void *payload,
                      size_t size, struct error *err)
{
    struct keeper *keeper = peer->keeper;
    enum audit_event event;
    json_t *fields = NULL;
    struct exec_event said;
    int result = exec_record_make(payload, size, &event, &fields, err);
    if (result < 0)
        return result;
    memcpy(&said, payload, sizeof(said));
    struct ask *ask = event == AUDIT_EXEC_ASK ? approvals_begin(keeper, fields) : NULL;
    if (admission_take_exec(&keeper->admission, event == AUDIT_EXEC_NESTED))
        record(keeper, event, source, json_incref(fields));
    else
        log_drop(keeper);
    if (event == AUDIT_EXEC_ASK)
        approvals_ask(peer, &said, ask);
    else if (event == AUDIT_EXEC_START)
        approvals_settle(peer, &said, fields);
    if (event == AUDIT_EXEC_START)
        restarts_notice(keeper, fields);
    json_decref(fields);
    return 0;
}
