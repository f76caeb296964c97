/* Writes to the log of all sessions. */
#include "lib/host/common_log.h"

#include <unistd.h>

#include "lib/base/path.h"
#include "lib/wire/session.h"

void common_log_record(enum audit_event event, json_t *fields)
{
    char path[PATH_MAX];
    char root[PATH_MAX];
    const struct audit_source source = {.program = "launcher", .uid = geteuid(), .pid = getpid()};
    if (fields != NULL && session_state_root(root, NULL) == 0 &&
        path_format(path, "%s/security-events.log", root) == 0)
        (void)audit_forward(path, event, &source, fields, NULL);
    json_decref(fields);
}
