/* Records the commands of a session, as the task runner tells them. */
#include "host-shim/broker/keeper.h"
#include "lib/wire/exec_record.h"

int exec_event_record(struct keeper *keeper, const struct audit_source *source, const void *payload,
                      size_t size, struct error *err)
{
    enum audit_event event;
    json_t *fields = NULL;
    int result = exec_record_make(payload, size, &event, &fields, err);
    if (result < 0)
        return result;
    if (!admission_take_exec(&keeper->admission, event == AUDIT_EXEC_NESTED)) {
        json_decref(fields);
        log_drop(keeper);
        return 0;
    }
    uint64_t before = audit_log_appended(keeper->log);
    log_record_soon(keeper, event, source, fields);
    admission_spend_exec(&keeper->admission, audit_log_appended(keeper->log) - before);
    return 0;
}
