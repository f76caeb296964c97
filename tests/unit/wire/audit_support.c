/* What the tests of the audit log share. */
#include "tests/unit/wire/audit_support.h"

#include "lib/base/path.h"

char audit_support_log[PATH_MAX];
char audit_support_copies[PATH_MAX];
const struct audit_source audit_support_keeper = {.program = "keeper", .uid = 1000, .pid = 42};
const struct audit_source audit_support_collect = {.program = "collect", .uid = 1000, .pid = 43};

static char directory[PATH_MAX];

int audit_support_make(void **state)
{
    (void)state;
    support_directory_make(directory);
    assert_int_equal(path_format(audit_support_log, "%s/events.jsonl", directory), 0);
    assert_int_equal(path_format(audit_support_copies, "%s/security-events.log", directory), 0);
    return 0;
}

int audit_support_remove(void **state)
{
    (void)state;
    support_directory_remove(directory);
    return 0;
}

struct audit_log *audit_support_open(void)
{
    struct audit_log *log = NULL;
    struct error err = ERROR_INITIALIZER;
    if (audit_log_open(audit_support_log, SUPPORT_SESSION, audit_support_copies, &log, &err) != 0)
        fail_msg("%s", error_text(&err));
    return log;
}

void audit_support_append(struct audit_log *log, enum audit_event event,
                          const struct audit_source *source, json_t *fields)
{
    struct error err = ERROR_INITIALIZER;
    assert_non_null(fields);
    if (audit_log_append(log, event, source, fields, &err) != 0)
        fail_msg("%s", error_text(&err));
    json_decref(fields);
}
