/*
 * What the audit log says about an exec: made from an exec event of the task runner, which writes
 * no JSON.
 */
#ifndef WIRE_EXEC_RECORD_H
#define WIRE_EXEC_RECORD_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/wire/audit.h"
#include "lib/wire/exec_event.h"

/* Names by enum task_action and enum task_tier. NULL: not in a record. */
#define EXEC_RECORD_VERDICTS (TASK_ACTION_ASK + 1)
#define EXEC_RECORD_TIERS (TASK_TIER_PRIVILEGED + 1)
extern const char *const exec_record_verdicts[EXEC_RECORD_VERDICTS];
extern const char *const exec_record_tiers[EXEC_RECORD_TIERS];

/*
 * The event and its fields from SIZE bytes at PAYLOAD, a struct exec_event and bytes of argv, none
 * of which is trusted. *FIELDS is owned by the caller. 0; -EPROTO with what is wrong; -ENOMEM.
 */
int exec_record_make(const void *payload, size_t size, enum audit_event *event, json_t **fields,
                     struct error *err);

#endif
