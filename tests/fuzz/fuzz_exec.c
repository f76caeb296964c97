/* Fuzzes an exec event of the task runner: what is accepted is an event that the table of the audit
 * log takes. */
#include "lib/wire/exec_record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INITIALIZER;
    enum audit_event event = AUDIT_EVENT_COUNT;
    json_t *fields = NULL;
    if (exec_record_make(data, size, &event, &fields, &err) < 0) {
        fuzz_require(fields == NULL && event == AUDIT_EVENT_COUNT && err.message[0] != '\0');
        return 0;
    }
    fuzz_require(size >= sizeof(struct exec_event));
    fuzz_require(size <= sizeof(struct exec_event) + TASK_ARGUMENTS_SHOWN);
    fuzz_require(audit_event_check(event, fields, &err) == 0);
    json_decref(fields);
    return 0;
}
