/* The log of all sessions, for what never becomes one. */
#ifndef HOST_COMMON_LOG_H
#define HOST_COMMON_LOG_H

#include <jansson.h>

#include "lib/wire/audit.h"

/* Records EVENT with FIELDS (takes the reference) in security-events.log, as the launcher's. What
 * cannot be recorded there is refused anyway. */
void common_log_record(enum audit_event event, json_t *fields);

#endif
